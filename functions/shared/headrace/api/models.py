"""Bodies of the management API as pydantic models: what they share, and how bytes become one of them.

The models themselves are beside this, one module for each part of the API: `api_accounts`, `api_pipelines` …
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel, ValidationError

from headrace.api.bad_input import checked_by, invalid
from headrace.api.printable import printable
from headrace.ports.secrets import HIDDEN
from headrace.times import SECOND_NANO

Model = TypeVar("Model", bound=BaseModel)


def url_fault(url: str) -> str | None:
    """What keeps `url` from being an address to send to; None when nothing does."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "must be an http or https URL: its host or port cannot be read"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "must be an http or https URL"
    if parts.username or parts.password:
        return "must not hold a user name or password"
    if port == 0 or any(map(str.isspace, url)) or not printable(url):
        return "must not hold spaces, control characters, nor port 0"
    return None


_AN_URL: dict[str, JsonValue] = {"format": "uri", "examples": ["https://agents.example.com/process"]}

Url = Annotated[str, Field(max_length=2048, json_schema_extra=_AN_URL), checked_by(url_fault)]
Expression = Annotated[str, Field(min_length=1, max_length=8192, examples=["severityNumber >= 17"])]


def unix_nano(moment: str | None, otherwise: int) -> int:
    """Nanoseconds since 1970 of a time in a query, to the microsecond."""
    if moment is None:
        return otherwise
    since = datetime.fromisoformat(moment.upper()).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND_NANO + since.microseconds * 1000


_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _moment_fault(text: str) -> str | None:
    try:
        if _MOMENT.fullmatch(text) and unix_nano(text, 0) >= 0:
            return None
    except (ValueError, OverflowError):
        pass
    return "must be a time after 1970 with its zone (RFC 3339), such as 2026-02-03T10:30:00Z"


Moment = Annotated[
    str,
    Field(max_length=40, examples=["2026-02-03T10:30:00Z"], json_schema_extra={"format": "date-time"}),
    checked_by(_moment_fault),
]

_SIGNING_PREFIX = "whsec_"
_SIGNING_BYTES = 24
"""The least that Standard Webhooks asks for: https://github.com/standard-webhooks/standard-webhooks (Signature)."""


def _signing_secret_fault(secret: str) -> str | None:
    if secret == HIDDEN:
        return None
    if secret.startswith(_SIGNING_PREFIX):
        try:
            enough = len(b64decode(secret.removeprefix(_SIGNING_PREFIX), validate=True)) >= _SIGNING_BYTES
        except ValueError:
            enough = False
        return None if enough else f"must hold at least {_SIGNING_BYTES} bytes in base64 after {_SIGNING_PREFIX}"
    if len(secret) < _SIGNING_BYTES or not re.fullmatch(r"[\x21-\x7e]*", secret):
        return f"must be {_SIGNING_PREFIX} and base64, or at least {_SIGNING_BYTES} printable ASCII characters"
    return None


SigningSecret = Annotated[
    str,
    Field(max_length=256, examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]),
    checked_by(_signing_secret_fault),
]
"""Shown as `***`; `***` in a change keeps the one that is stored."""

Time = Annotated[str, Field(examples=["2026-02-03T10:30:00Z"], json_schema_extra={"format": "date-time"})]
NextCursor = Annotated[str | None, Field(examples=[None])]


class Deferred(BaseModel):
    """A body that is built at first use: a cold start serves one route, and has no need of the models of all.

    Threads may come at once: pydantic builds one at a time since 2.14.
    """

    model_config = ConfigDict(defer_build=True)


class Strict(Deferred):
    """A body that refuses unknown fields by name, and does not guess types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class PageIn(Strict):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    """How many at most; there may be fewer before the last page."""
    cursor: Annotated[str, Field(max_length=2048)] | None = None
    """The `next_cursor` of the page before."""


def parse(model: type[Model], body: Any) -> Model:
    """`body` as `model`.

    Raises:
        InvalidInput: with the path of the first wrong field, and how many others are wrong.
    """
    try:
        return model.model_validate(body)
    except ValidationError as wrong:
        raise invalid(wrong, tagged=issubclass(model, RootModel)) from wrong


def parse_query(model: type[Model], query: Mapping[str, str]) -> Model:
    """A query string as `model`: the same, but numbers come as text. Raises InvalidInput."""
    try:
        return model.model_validate_strings(dict(query))
    except ValidationError as wrong:
        raise invalid(wrong) from wrong
