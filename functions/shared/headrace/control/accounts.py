"""Accounts: people who sign in. An e-mail address belongs to one of them."""

from uuid import uuid4

from argon2 import PasswordHasher

from headrace.domain.errors import Conflict, InvalidInput
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, Put, Table
from headrace.wire import items

SHORTEST_PASSWORD = 10


def create_account(email: str, password: str, config: Table, clock: Clock) -> str:
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
        "password_hash": PasswordHasher().hash(password),
        "created_unix_nano": clock.now_unix_nano(),
    }
    unique = {"pk": items.email_pk(email), "sk": items.EMAIL, "account_id": account_id}
    try:
        config.transact([Put(unique, ABSENT), Put(account, ABSENT)])
    except Conflict as taken:
        raise Conflict(f"{email} has an account") from taken
    return account_id
