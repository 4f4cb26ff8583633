"""Bodies of the management API about accounts: signing up, in and out. Contract section 7."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from headrace.api.bad_input import checked_by
from headrace.api.models import Deferred, Strict, Time
from headrace.api.printable import label_fault
from headrace.teams.domain.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD, email_fault, password_fault

_AN_EMAIL: dict[str, JsonValue] = {"pattern": r"^\s*[^@\s]+@[^@\s.]+(\.[^@\s.]+)+\s*$", "maxLength": 254}
_A_PASSWORD: dict[str, JsonValue] = {"minLength": SHORTEST_PASSWORD, "maxLength": LONGEST_PASSWORD}

Email = Annotated[str, Field(examples=["ada@example.com"], json_schema_extra=_AN_EMAIL), checked_by(email_fault)]
NewPassword = Annotated[
    str, Field(examples=["correct horse battery"], json_schema_extra=_A_PASSWORD), checked_by(password_fault)
]
Password = Annotated[str, Field(max_length=LONGEST_PASSWORD, examples=["correct horse battery"])]
RefreshToken = Annotated[
    str, Field(min_length=1, max_length=4096, examples=["hrr_hRQ4Zb2t9kYc0XW3v5nq8LrM1sJdPzAeGfT6uKoByNw"])
]
PersonName = Annotated[str, Field(max_length=100, examples=["Ada Lovelace"]), checked_by(label_fault)]

AccountId = Annotated[str, Field(examples=["1b9d6bcd4b3f4a0f8c7e2d5a90f1e3c6"])]


class SignupIn(Strict):
    """A new account."""

    email: Email
    password: NewPassword
    name: PersonName = ""


class LoginIn(Strict):
    """Credentials of an account."""

    email: Email
    password: Password


class RefreshIn(Strict):
    """A refresh token; it is void afterwards."""

    refresh_token: RefreshToken


class UserOut(Deferred):
    """An account, as its owner sees it."""

    id: AccountId
    email: Annotated[str, Field(examples=["ada@example.com"])]
    name: Annotated[str, Field(examples=["Ada Lovelace"])]
    created_at: Time


class TokensOut(Deferred):
    """What signing in gives: an access token for 15 minutes, and a refresh token for the next one."""

    access_token: Annotated[
        str, Field(examples=["eyJhbGciOiJIUzI1NiIsImtpZCI6Ims3In0.eyJzdWIiOiIxYjlkIn0.c2lnbmF0dXJl"])
    ]
    refresh_token: RefreshToken
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind of token
    expires_in: Annotated[int, Field(examples=[900])]
    """Seconds that the access token lives."""
    user: UserOut
