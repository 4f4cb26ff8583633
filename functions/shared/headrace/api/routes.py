"""One route of the management API as data: what serves it, documents it and tests it is this one description."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from headrace.api.roles import Role

Needs = TypeVar("Needs")

Access = Literal["public", "account"] | Role
"""Who may call: anybody, anybody who is signed in, or a member of the project in the path with at least this role."""

ID_PATTERN = r"[0-9A-Za-z_-]{1,64}"
"""What every path parameter matches: what is of another shape is the id of nothing."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came, before anything of it is checked."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    read_body: Callable[[], bytes]
    """The body, unpacked; called for those who may send one only. Raises TooLarge, UnsupportedMedia, InvalidInput."""
    content_type: str | None
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
    role: Role = "viewer"
    """The caller's role in the project of the path; the least one where there is none."""
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
class Route(Generic[Needs]):
    """`operation` gets the Call and what its group of operations needs of the outside world."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    """Below `/api/v1`, with `{parameters}`."""
    access: Access
    operation: Callable[[Call, Needs], Answer]
    summary: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    """HTTP statuses beside those that follow from access, body and query."""
    or_self: bool = False
    """A member may also call it about itself (`{user_id}` in the path), whatever its role."""
    conditional: bool = False
    """Answers with an ETag; what changes something honours If-Match."""

    @property
    def name(self) -> str:
        """Names the operation: its function's name, as `operationId` in OpenAPI."""
        return self.operation.__name__

    @property
    def body_required(self) -> bool:
        """Whether there has to be a body. It may be left out where all of its fields may.

        But not for PUT: what replaces something by its defaults says so, with `{}`.
        """
        if self.body is None:
            return False
        return self.method == "PUT" or any(field.is_required() for field in self.body.model_fields.values())

    @property
    def takes_if_match(self) -> bool:
        """Whether it changes something only if that is still the version that the caller has seen."""
        return self.conditional and self.method != "GET"
