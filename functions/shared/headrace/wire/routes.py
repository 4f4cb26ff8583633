"""One route of the management API as data: what serves it, documents it and tests it is this one description."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from headrace.domain.roles import Role

Access = Literal["public", "account"] | Role
"""Who may call: anybody, anybody who is signed in, or a member of the project in the path with at least this role."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came, before anything of it is checked."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    token: str | None
    """Of the Authorization header."""
    if_match: str | None
    address: str


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the API after the door: signed in, allowed, its body and query checked against the models."""

    path: Mapping[str, str]
    """Path parameters."""
    address: str
    """Of the caller, for rate limits and the audit."""
    body: Any = None
    """An instance of the route's body model."""
    query: Any = None
    """An instance of the route's query model."""
    account_id: str = ""
    role: Role | None = None
    """The caller's role in the project of the path."""
    if_match: str | None = None
    """The entity tag that a conditional change asks for, without its quotes."""

    @property
    def project_id(self) -> str:
        """The project in the path."""
        return self.path["project_id"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation gives back: an instance of the route's answer model, None for no content."""

    body: BaseModel | None = None
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """`operation` gets the Call and the ports of the control plane."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    """Below `/api/v1`, with `{parameters}`."""
    access: Access
    operation: Callable[[Call, Any], Answer]
    summary: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    """HTTP statuses beside those that follow from access, body and query."""
    conditional: bool = False
    """Answers with an ETag and honours If-Match."""

    @property
    def name(self) -> str:
        """Names the operation: its function's name, as `operationId` in OpenAPI."""
        return self.operation.__name__
