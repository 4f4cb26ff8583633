"""Accounts: people who sign in. An e-mail address belongs to one of them."""

from collections.abc import Iterable
from uuid import uuid4

from headrace.errors import Conflict, InvalidInput, NotAuthenticated
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, Condition, Item, Put, Table, Update
from headrace.teams.domain.accounts import email_fault, password_fault
from headrace.teams.operations import passwords
from headrace.teams.wire import items

_NOBODY = "nobody"
"""An account id that there never is."""


def create_account(email: str, password: str, config: Table, clock: Clock, *, name: str = "") -> str:
    """Make an account; return its id.

    Raises:
        InvalidInput: an address that cannot be one, or a password that is too short or too long.
        Conflict: the address has an account. That is told: without sending e-mail there is no way to sign up that
            hides it. `limits` keeps it from being asked of many addresses.
    """
    for field, fault in (("email", email_fault(email)), ("password", password_fault(password))):
        if fault is not None:
            raise InvalidInput(f"{field}: {fault}", field=field)
    account_id = uuid4().hex
    account = {
        "pk": items.account_pk(account_id),
        "sk": items.ACCOUNT,
        "email": email.strip(),
        "name": name,
        "password_hash": passwords.hash_password(password),
        "created_unix_nano": clock.now_unix_nano(),
    }
    unique = {"pk": items.email_pk(email), "sk": items.EMAIL, "account_id": account_id}
    try:
        config.transact([Put(unique, ABSENT), Put(account, ABSENT)])
    except Conflict as taken:
        raise Conflict(f"{email.strip()} has an account: sign in, or use another address") from taken
    return account_id


def check_password(email: str, password: str, config: Table) -> str:
    """The id of the account whose credentials these are. A hash with outdated parameters is renewed by the way.

    Does the same work when there is no such account, and says the same.

    Raises:
        NotAuthenticated: one of the two is wrong.
    """
    account_id = find_account(email, config)
    account = get_account(account_id or _NOBODY, config)
    stored = None if account is None else str(account["password_hash"])
    if not passwords.matches(password, stored) or account_id is None or stored is None:
        raise NotAuthenticated("the e-mail address or the password is wrong")
    if passwords.outdated(stored):
        _renew_hash(account_id, stored, password, config)
    return account_id


def find_account(email: str, config: Table) -> str | None:
    """The id of the account with an e-mail address."""
    item = config.get(items.email_pk(email), items.EMAIL)
    return None if item is None else str(item["account_id"])


def get_account(account_id: str, config: Table) -> Item | None:
    """The stored account."""
    return config.get(items.account_pk(account_id), items.ACCOUNT)


def accounts_by_id(account_ids: Iterable[str], config: Table) -> dict[str, Item]:
    """The stored accounts among any number of ids."""
    keys = [(items.account_pk(each), items.ACCOUNT) for each in dict.fromkeys(account_ids)]
    chunks = (config.batch_get(keys[start : start + 100]) for start in range(0, len(keys), 100))
    return {item["pk"].removeprefix(items.ACCOUNT_PREFIX): item for chunk in chunks for item in chunk}


def _renew_hash(account_id: str, stored: str, password: str, config: Table) -> None:
    unchanged = Condition(equals={"password_hash": stored})
    change = Update(
        items.account_pk(account_id),
        items.ACCOUNT,
        set={"password_hash": passwords.hash_password(password)},
        condition=unchanged,
    )
    try:
        config.update(change)
    except Conflict:
        return  # somebody else has renewed it meanwhile
