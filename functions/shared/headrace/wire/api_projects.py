"""Bodies of the management API about projects, members, keys and the audit. Contract section 7."""

from typing import Annotated

from pydantic import BaseModel, Field

from headrace.domain.roles import Role
from headrace.wire.api import Strict
from headrace.wire.api_accounts import Email

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]


class PageIn(Strict):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=2048)] | None = None


class ProjectIn(Strict):
    """A new project, or a new name for one."""

    name: Name


class ProjectOut(BaseModel):
    """A project, with the caller's role in it."""

    id: str
    name: str
    role: Role
    created_at: str


class ProjectsOut(BaseModel):
    """Some projects of the caller."""

    items: list[ProjectOut]
    next_cursor: str | None


class MemberIn(Strict):
    """Somebody with an account, to be a member."""

    email: Email
    role: Role


class RoleIn(Strict):
    """Another role for a member."""

    role: Role


class MemberOut(BaseModel):
    """A member of a project."""

    user_id: str
    email: str
    name: str
    role: Role
    added_at: str


class MembersOut(BaseModel):
    """Some members of a project."""

    items: list[MemberOut]
    next_cursor: str | None


class KeyIn(Strict):
    """A new API key."""

    name: Name


class KeyOut(BaseModel):
    """An API key without its secret."""

    id: str
    name: str
    prefix: str
    created_at: str
    last_used_at: str | None
    """To the hour or so: keeping it costs one write an hour."""


class NewKeyOut(BaseModel):
    """An API key, the only time that it is shown whole."""

    id: str
    name: str
    prefix: str
    key: str
    created_at: str


class KeysOut(BaseModel):
    """Some API keys of a project."""

    items: list[KeyOut]
    next_cursor: str | None


class AuditOut(BaseModel):
    """One change: who, what, when."""

    at: str
    user_id: str
    email: str
    action: str
    target: str
    address: str


class AuditsOut(BaseModel):
    """Some changes, newest first."""

    items: list[AuditOut]
    next_cursor: str | None
