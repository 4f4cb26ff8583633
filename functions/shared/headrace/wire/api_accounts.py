"""Bodies of the management API about accounts: signing up, in and out. Contract section 7."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from headrace.wire.api import Strict

Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", examples=["ada@example.com"])]
Password = Annotated[str, Field(min_length=10, max_length=1024, examples=["correct horse battery"])]
Token = Annotated[str, Field(min_length=1, max_length=4096)]


class SignupIn(Strict):
    """A new account."""

    email: Email
    password: Password
    name: Annotated[str, Field(max_length=100)] = ""


class LoginIn(Strict):
    """Credentials of an account."""

    email: Annotated[str, Field(max_length=254)]
    password: Annotated[str, Field(max_length=1024)]


class RefreshIn(Strict):
    """A refresh token; it is void afterwards."""

    refresh_token: Token


class UserOut(BaseModel):
    """An account, as its owner sees it."""

    id: str
    email: str
    name: str
    created_at: str


class TokensOut(BaseModel):
    """What signing in gives: an access token for 15 minutes, and a refresh token for the next one."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int
    """Seconds that the access token lives."""
    user: UserOut
