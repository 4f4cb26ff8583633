"""Tokens: short access tokens (JWT, HS256, rotating key ids), and refresh tokens that are good for one use.

A refresh token belongs to a family that began with a login. Each use voids the token and gives the next one of its
family; a second use of the same token means that somebody has a copy, and ends the family.
Source: https://datatracker.ietf.org/doc/html/rfc9700#section-4.14 (refresh token rotation)

A double click, or two tabs that wake up together, use one token twice as well. What tells them from a thief is that
both requests found the token unused: then one wins, the other is refused, and the family lives. A thief gains nothing
by being that quick: whoever of the two lost comes back with the same token, and that ends the family.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from uuid import uuid4

import jwt

from headrace.errors import Conflict, NotAuthenticated
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, PRESENT, Condition, Put, Table, Update
from headrace.times import SECOND_NANO, expiry, unix_seconds

ACCESS_LIFE = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=30)
_ALGORITHM = "HS256"
_AUDIENCE = "headrace"
_PREFIX = "hrr_"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """Secrets by key id. The first one signs, all of them verify: that is how they are rotated."""

    secrets: Mapping[str, str] = field(repr=False)

    @property
    def current(self) -> tuple[str, str]:
        """The key id and secret that sign."""
        return next(iter(self.secrets.items()))


def access_token(account_id: str, keys: SigningKeys, clock: Clock) -> str:
    """A token that proves for ACCESS_LIFE who its holder is."""
    now = clock.now_unix_nano()
    key_id, secret = keys.current
    claims = {
        "sub": account_id,
        "aud": _AUDIENCE,
        "iat": unix_seconds(now),
        "exp": expiry(now, ACCESS_LIFE),
        "jti": uuid4().hex,
    }
    return jwt.encode(claims, secret, algorithm=_ALGORITHM, headers={"kid": key_id})


def account_of(token: str, keys: SigningKeys, clock: Clock) -> str:
    """The account id of a valid access token.

    Raises:
        NotAuthenticated: forged, expired, or signed with a key that is gone.
    """
    try:
        secret = keys.secrets[jwt.get_unverified_header(token)["kid"]]
        options: Any = {"require": ["sub", "exp", "aud"], "verify_exp": False, "verify_iat": False}
        claims = jwt.decode(token, secret, algorithms=[_ALGORITHM], audience=_AUDIENCE, options=options)
        expires = int(claims["exp"])
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError) as cause:
        raise NotAuthenticated("the access token is not valid") from cause
    if expires * SECOND_NANO <= clock.now_unix_nano():  # by our clock, which tests can set
        raise NotAuthenticated("the access token has expired: refresh it")
    return str(claims["sub"])


def start_family(account_id: str, config: Table, clock: Clock) -> str:
    """The first refresh token of a login."""
    family, token = uuid4().hex, _new_token()
    expires = _expires(clock)
    config.transact(
        [
            Put({"pk": f"family#{family}", "sk": "family", "account_id": account_id, "expires_at": expires}, ABSENT),
            Put(_item(token, family, account_id, expires), ABSENT),
        ]
    )
    return token


def rotate(token: str, config: Table, clock: Clock) -> tuple[str, str]:
    """Void `token`; return its account id and the next token of the family.

    Raises:
        NotAuthenticated: unknown or expired; used before, then the whole family ends; or used by another request at
            this very moment, then the family lives.
    """
    pk = _pk(token)
    item = config.get(pk, "refresh")
    if item is None:
        raise NotAuthenticated("the refresh token is not valid")
    account_id, family = str(item["account_id"]), str(item["family"])
    if item["used"]:
        config.delete(f"family#{family}", "family")
        raise NotAuthenticated("the refresh token was used before: sign in again")
    successor, expires = _new_token(), _expires(clock)
    unused = Condition(exists=True, equals={"used": False})
    try:
        config.transact(
            [
                Update(pk, "refresh", set={"used": True}, condition=unused),
                Update(f"family#{family}", "family", set={"expires_at": expires}, condition=PRESENT),
                Put(_item(successor, family, account_id, expires), ABSENT),
            ]
        )
    except Conflict as lost:
        message = "the session has ended, or another request refreshes it at this moment"
        raise NotAuthenticated(message) from lost
    return account_id, successor


def end_family(token: str, config: Table) -> None:
    """Sign out: no token of the family works any more. An unknown token is signed out already."""
    item = config.get(_pk(token), "refresh")
    if item is not None:
        config.delete(f"family#{item['family']}", "family")


def _item(token: str, family: str, account_id: str, expires: int) -> dict[str, object]:
    return {
        "pk": _pk(token),
        "sk": "refresh",
        "family": family,
        "account_id": account_id,
        "used": False,
        "expires_at": expires,
    }


def _pk(token: str) -> str:
    return f"refresh#{sha256(token.encode()).hexdigest()}"


def _new_token() -> str:
    return _PREFIX + token_urlsafe(32)


def _expires(clock: Clock) -> int:
    return expiry(clock.now_unix_nano(), REFRESH_LIFE)
