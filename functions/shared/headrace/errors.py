"""The one tree of errors, split by what the caller should do about them.

HeadraceError
├── InvalidInput        400  change the request; `field` names what is wrong
│   └── InvalidExpression    the same for JSONata; carries `position` and `hint`
├── UnsupportedMedia    415  send another content type or encoding
├── NotAuthenticated    401  send a valid key
├── NotAllowed          403  ask for another role
├── NotFound            404
├── Conflict            409  it exists already, or is in the way of the change
├── PreconditionFailed  412  read again, then decide
├── TooLarge            413  send less; carries both sizes in bytes
├── Unavailable         503  try again after `retry_after`
│   └── TooManyRequests 429  a limit on attempts
└── ConfigError              the deployment is wrong: die at cold start

`entry` holds the only table from these to HTTP statuses; adapters translate foreign exceptions into these.
"""

from collections.abc import Sequence
from datetime import timedelta


class HeadraceError(Exception):
    """Base of all errors that Headrace raises on purpose."""


class InvalidInput(HeadraceError):
    """What was sent can never work as it is. `field` is its path in the input, "" for the input as a whole.

    `others` are further wrong fields with their messages.
    """

    def __init__(self, message: str, *, field: str = "", others: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.others = tuple(others)


class InvalidExpression(InvalidInput):
    """A JSONata expression that cannot be compiled. `position` counts characters from 0, None if unknown."""

    def __init__(self, message: str, *, field: str = "", position: int | None = None, hint: str = "") -> None:
        super().__init__(message, field=field)
        self.position = position
        self.hint = hint


class UnsupportedMedia(HeadraceError):
    """A content type or content encoding that no decoder here understands."""


class NotAuthenticated(HeadraceError):
    """No credentials, or ones that are unknown or revoked; the message never says which."""


class NotAllowed(HeadraceError):
    """Known caller, but this is not theirs to do."""


class NotFound(HeadraceError):
    """Nothing here under that name, or nothing that the caller may see."""


class Conflict(HeadraceError):
    """Somebody else changed it first, or it exists already."""


class TooLarge(HeadraceError):
    """Over a size limit. `size_bytes` is None when reading stopped before the end was known."""

    def __init__(self, what: str, *, limit_bytes: int, size_bytes: int | None = None) -> None:
        size = f"over {limit_bytes}" if size_bytes is None else str(size_bytes)
        super().__init__(f"{what} is {size} bytes, the limit is {limit_bytes} bytes")
        self.limit_bytes = limit_bytes
        self.size_bytes = size_bytes


class Unavailable(HeadraceError):
    """A bus, table or network is down, full or throttled; the same call may succeed after `retry_after`."""

    def __init__(self, message: str, *, retry_after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConfigError(HeadraceError):
    """A setting or file is missing or wrong, so this process cannot do its work at all."""


class TooManyRequests(Unavailable):
    """A limit on attempts was reached; it is lifted after `retry_after`."""


class PreconditionFailed(HeadraceError):
    """Somebody else changed it since the version that `If-Match` names: read again, then decide."""
