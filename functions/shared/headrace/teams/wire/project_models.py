"""Bodies of the management API about projects, members, keys and the audit. Contract section 7."""

from typing import Annotated

from pydantic import AfterValidator, Field

from headrace.api.bad_input import Matching, checked_by
from headrace.api.models import Deferred, NextCursor, Strict, Time
from headrace.api.printable import label_fault
from headrace.api.roles import Role
from headrace.teams.wire.account_models import AccountId, Email

_SEEN = Matching(r"[\s\S]*\S[\s\S]*", "must not be blank")

Name = Annotated[str, Field(min_length=1, max_length=100), _SEEN, checked_by(label_fault), AfterValidator(str.strip)]
ProjectName = Annotated[Name, Field(examples=["Checkout"])]
KeyName = Annotated[Name, Field(examples=["collector, production"])]

ProjectId = Annotated[str, Field(examples=["5f0c4b57-9d0a-4f1f-8f6f-7a10c2d3e4f5"])]
KeyId = Annotated[str, Field(examples=["9d0a3f1f6f6f7a106d0f5a0e5f0c4b57"])]
Prefix = Annotated[str, Field(examples=["hr_9fK2xQ"])]


class ProjectIn(Strict):
    """A new project, or a new name for one."""

    name: ProjectName


class ProjectOut(Deferred):
    """A project, with the caller's role in it."""

    id: ProjectId
    name: Annotated[str, Field(examples=["Checkout"])]
    role: Annotated[Role, Field(examples=["owner"])]
    created_at: Time


class ProjectsOut(Deferred):
    """Some projects of the caller."""

    items: list[ProjectOut]
    next_cursor: NextCursor


class MemberIn(Strict):
    """Somebody with an account, to be a member."""

    email: Email
    role: Role


class RoleIn(Strict):
    """Another role for a member."""

    role: Role


class MemberOut(Deferred):
    """A member of a project."""

    user_id: AccountId
    email: Annotated[str, Field(examples=["ada@example.com"])]
    name: Annotated[str, Field(examples=["Ada Lovelace"])]
    role: Role
    added_at: Time


class MembersOut(Deferred):
    """Some members of a project."""

    items: list[MemberOut]
    next_cursor: NextCursor


class KeyIn(Strict):
    """A new API key."""

    name: KeyName


class KeyOut(Deferred):
    """An API key without its secret."""

    id: KeyId
    name: Annotated[str, Field(examples=["collector, production"])]
    prefix: Prefix
    """The first characters of the key, to tell it from others."""
    created_at: Time
    last_used_at: Time | None
    """To the hour or so: keeping it costs one write an hour."""


class NewKeyOut(Deferred):
    """An API key, the only time that it is shown whole."""

    id: KeyId
    name: Annotated[str, Field(examples=["collector, production"])]
    prefix: Prefix
    key: Annotated[str, Field(examples=["hr_9fK2xQb7LmT4vR8sW1yZ5cD3gH6jN0pA2kE9uF"])]
    created_at: Time


class KeysOut(Deferred):
    """Some API keys of a project."""

    items: list[KeyOut]
    next_cursor: NextCursor


class AuditOut(Deferred):
    """One change: who, what, when."""

    at: Time
    user_id: AccountId
    email: Annotated[str, Field(examples=["ada@example.com"])]
    """Of the account as it is today; empty when that is gone."""
    action: Annotated[str, Field(examples=["member.add"])]
    target: Annotated[str, Field(examples=["1b9d6bcd4b3f4a0f8c7e2d5a90f1e3c6"])]
    """The id of what was changed."""
    detail: Annotated[str, Field(examples=["role editor"])]
    address: Annotated[str, Field(examples=["203.0.113.7"])]
    """Where the request came from; empty for the command line on the same machine."""


class AuditsOut(Deferred):
    """Some changes, newest first."""

    items: list[AuditOut]
    next_cursor: NextCursor
