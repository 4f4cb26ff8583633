"""The first start on an empty data directory: an account, a project and a key, so that logs can flow at once."""

from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe

from headrace import bootstrap
from headrace.cli.credentials import FILE, Credentials, read_credentials, write_credentials
from headrace.errors import Conflict, NotFound, Unavailable
from headrace.teams.operations.accounts import create_account, find_account
from headrace.teams.operations.keys import create_key
from headrace.teams.operations.projects import create_project
from headrace.upkeep.operations.change import Person

EMAIL = "you@headrace.local"
PROJECT = "default"


def ensure_credentials(
    data_dir: Path, endpoint: str, *, email: str | None = None, project: str | None = None
) -> tuple[Credentials, bool]:
    """The credentials of the data directory, made if there are none; second, whether they are new.

    Without the file, what an earlier start may have left in the tables cannot be signed into: all is made anew.

    Raises:
        NotFound: they are those of another store.
    """
    try:
        credentials = read_credentials(data_dir)
    except NotFound:
        credentials = _make(endpoint, email or EMAIL, project or PROJECT)
        write_credentials(data_dir, credentials)
        return credentials, True
    with suppress(Unavailable):  # a store that is down now may be up soon
        account_of(credentials)
    return credentials, False


def account_of(credentials: Credentials) -> str:
    """The id of their account. Raises NotFound when they are those of another store."""
    account_id = find_account(credentials.email, bootstrap.table("config"))
    if account_id is None:
        raise NotFound(
            f"{FILE} belongs to another store: the account {credentials.email} is not in this one; "
            "name that store (--store), or another folder (--data-dir)"
        )
    return account_id


def _make(endpoint: str, email: str, project: str) -> Credentials:
    config, clock = bootstrap.table("config"), bootstrap.clock()
    password = token_urlsafe(18)
    try:
        account_id = create_account(email, password, config, clock)
    except Conflict:
        local, _, domain = email.partition("@")
        email = f"{local}+{token_urlsafe(4)}@{domain}"
        account_id = create_account(email, password, config, clock)
    project_id = create_project(project, account_id, bootstrap.teams())
    key = create_key(Person(project_id, account_id), "first", bootstrap.teams()).key
    return Credentials(endpoint, email, password, project_id, key)
