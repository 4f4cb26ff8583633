"""Accounts: people who sign in. An e-mail address belongs to one of them."""

from functools import cache
from uuid import uuid4

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error

from headrace.domain.errors import Conflict, InvalidInput, NotAuthenticated
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, Item, Put, Table
from headrace.wire import items

SHORTEST_PASSWORD = 10
_NO_MATCH = "the e-mail address or the password is wrong"


def create_account(email: str, password: str, config: Table, clock: Clock, *, name: str = "") -> str:
    """Make an account; return its id.

    Raises:
        InvalidInput: an address that cannot be one, or a password that is too short.
        Conflict: the address has an account.
    """
    local, at, domain = email.strip().partition("@")
    if not (local and at and "." in domain) or len(email) > 254 or any(map(str.isspace, email.strip())):
        raise InvalidInput(f"email: {email!r} is not an e-mail address", field="email")
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInput(f"password: at least {SHORTEST_PASSWORD} characters are needed", field="password")
    account_id = uuid4().hex
    account = {
        "pk": items.account_pk(account_id),
        "sk": items.ACCOUNT,
        "email": email.strip(),
        "name": name,
        "password_hash": _hasher().hash(password),
        "created_unix_nano": clock.now_unix_nano(),
    }
    unique = {"pk": items.email_pk(email), "sk": items.EMAIL, "account_id": account_id}
    try:
        config.transact([Put(unique, ABSENT), Put(account, ABSENT)])
    except Conflict as taken:
        raise Conflict(f"{email} has an account") from taken
    return account_id


def check_password(email: str, password: str, config: Table) -> str:
    """The id of the account whose credentials these are.

    Takes as long when there is no such account, and says the same.

    Raises:
        NotAuthenticated: one of the two is wrong.
    """
    account_id = find_account(email, config)
    account = None if account_id is None else get_account(account_id, config)
    stored = _hash_of_nobody() if account is None else str(account["password_hash"])
    try:
        _hasher().verify(stored, password)
    except Argon2Error as wrong:
        raise NotAuthenticated(_NO_MATCH) from wrong
    if account_id is None:
        raise NotAuthenticated(_NO_MATCH)
    return account_id


def find_account(email: str, config: Table) -> str | None:
    """The id of the account with an e-mail address."""
    item = config.get(items.email_pk(email), items.EMAIL)
    return None if item is None else str(item["account_id"])


def get_account(account_id: str, config: Table) -> Item | None:
    """The stored account."""
    return config.get(items.account_pk(account_id), items.ACCOUNT)


@cache
def _hasher() -> PasswordHasher:
    """Argon2id with the library's parameters, those of RFC 9106 for machines with little memory."""
    return PasswordHasher()


@cache
def _hash_of_nobody() -> str:
    """The hash of a password that nobody has, with the same parameters."""
    return _hasher().hash(uuid4().hex)
