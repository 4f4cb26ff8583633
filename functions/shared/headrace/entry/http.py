"""API Gateway events ↔ plain requests and responses, through Chalice. The first and the last step of every walk.

Chalice carries the event in and the answer out, as for queues and schedules. Routes are ours: those of Chalice know no
`{proxy+}`, refuse undeclared content types with a body of their own, want an Accept header that matches a binary
answer, and keep the current request on the application object, which is not safe for threads. Gzip is ours, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from chalice.app import Chalice
from chalice.app import Response as ChaliceResponse
from pybase64 import b64decode

from headrace import events
from headrace.compression import GZIP_MAGIC, decode_gzip
from headrace.entry.collector import look_less_often
from headrace.entry.routing import Match, Router
from headrace.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PreconditionFailed,
    TooLarge,
    TooManyRequests,
    Unavailable,
    UnsupportedMedia,
)
from headrace.observability import crash

STATUSES: tuple[tuple[type[HeadraceError], int], ...] = (
    (InvalidInput, 400),
    (NotAuthenticated, 401),
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (PreconditionFailed, 412),
    (TooLarge, 413),
    (UnsupportedMedia, 415),
    (TooManyRequests, 429),
    (Unavailable, 503),
)
"""The only table from errors to HTTP statuses; what is not in it is a fault of ours: 500."""

_BINARY = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a body is taken, in bytes: as sent, and after gunzip."""

    body_bytes: int
    unpacked_bytes: int


@dataclass(frozen=True)
class Request:
    """A request as a door sees it. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    path_parameters: Mapping[str, str]
    query: Mapping[str, str]
    raw: bytes = field(repr=False)
    limits: Limits
    address: str = ""
    """Of the caller, as the gateway saw it."""
    base: str = ""
    """What the gateway has before every path, such as its stage: `/prod`."""

    @cached_property
    def body(self) -> bytes:
        """The body, unpacked on first use: a caller without a key costs no unpacking.

        Raises:
            TooLarge: over one of the limits.
            InvalidInput: damaged gzip.
            UnsupportedMedia: a content encoding other than gzip.
        """
        if len(self.raw) > self.limits.body_bytes:
            sent = self.headers.get("content-length", "").strip()
            size_bytes = max(int(sent[:18]) if sent.isdecimal() else 0, len(self.raw))
            raise TooLarge("the body", limit_bytes=self.limits.body_bytes, size_bytes=size_bytes)
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise UnsupportedMedia(f"Content-Encoding {encoding!r} is not taken here; send gzip or none")
        # Some gateways unpack and leave the header, some drop the header and leave the bytes: these decide.
        if self.raw.startswith(GZIP_MAGIC):
            return decode_gzip(self.raw, limit_bytes=self.limits.unpacked_bytes)
        return self.raw

    @property
    def api_key(self) -> str | None:
        """The key of `X-API-Key`, else of `Authorization: Bearer`."""
        if key := self.headers.get("x-api-key"):
            return key.strip()
        return self.bearer_token

    @property
    def bearer_token(self) -> str | None:
        """The token of `Authorization: Bearer`."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Response:
    """What a door answers."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
View = Callable[[Request], Response]
EncodeError = Callable[[Request, int, HeadraceError], Response]
"""`(request, status, error) -> response`: the shape that a door gives its errors."""


class Door:
    """One function's HTTP side: call it with an API Gateway event, get an API Gateway answer."""

    def __init__(self, name: str, encode_error: EncodeError, limits: Callable[[], Limits]) -> None:
        look_less_often()
        self._router: Router[View] = Router()
        self._encode_error = encode_error
        self._limits = limits
        handler = Chalice(app_name=name).lambda_function(name=name)(self._handle)
        handler.middleware_handlers = ()  # else a generator, which two threads cannot read at once
        self._handler: Handler = handler

    def route(self, method: str, path: str) -> Callable[[View], View]:
        """Let a view answer `method` on `path` (`/things/{id}`)."""

        def register(view: View) -> View:
            self._router.add(method, path, view)
            return view

        return register

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The handler that a Lambda runtime calls."""
        return self._handler(event, context)

    def _handle(self, event: dict[str, Any], _context: Any) -> dict[str, Any]:
        """What Chalice calls with every event."""
        match = self._router.find(event["requestContext"]["httpMethod"], event["path"])
        request = _request(event, match.parameters if match else {}, self._limits())
        if match is None or match.target is None:
            return _encode(self._refusal(request, match))
        return self._answer(match.target, request)

    def _refusal(self, request: Request, match: Match[View] | None) -> Response:
        """For a path or method that a `{proxy+}` of the gateway let through."""
        if match is None:
            return self._encode_error(request, 404, HeadraceError(f"there is nothing at {request.path}"))
        allowed = ", ".join(match.allowed)
        error = HeadraceError(f"{request.method} is not allowed here, only {allowed}")
        return _with_header(self._encode_error(request, 405, error), "Allow", allowed)

    def _answer(self, view: View, request: Request) -> dict[str, Any]:
        try:
            return _encode(self._respond(view, request))
        except Exception:  # noqa: BLE001 - the last line: log it, tell the caller nothing of our insides
            crash(events.RequestFailed(path=request.path))
        return _encode(self._encode_error(request, 500, HeadraceError("internal error")))

    def _respond(self, view: View, request: Request) -> Response:
        """What the view answers, or what is wrong with the request. Raises what is a fault of ours."""
        try:
            return view(request)
        except HeadraceError as error:
            status = next((code for kind, code in STATUSES if isinstance(error, kind)), None)
            if status is None:
                raise
            return _with_advice(self._encode_error(request, status, error), error)


def _with_advice(response: Response, error: HeadraceError) -> Response:
    """What the caller may do: RFC 9110 sections 10.2.3 and 11.6.1."""
    if isinstance(error, Unavailable):
        return _with_header(response, "Retry-After", str(max(1, round(error.retry_after.total_seconds()))))
    if isinstance(error, NotAuthenticated):
        return _with_header(response, "WWW-Authenticate", "Bearer")
    return response


def _with_header(response: Response, name: str, value: str) -> Response:
    return replace(response, headers={**response.headers, name: value})


def _request(event: Mapping[str, Any], parameters: Mapping[str, str], limits: Limits) -> Request:
    return Request(
        method=event["requestContext"]["httpMethod"],
        path=event["path"],
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        path_parameters=parameters,
        query=event.get("queryStringParameters") or {},
        raw=_raw_body(event),
        limits=limits,
        address=event["requestContext"].get("identity", {}).get("sourceIp") or "",
        base=_base(event),
    )


def _base(event: Mapping[str, Any]) -> str:
    asked = event["requestContext"].get("path") or ""
    return asked.removesuffix(event["path"]) if asked.endswith(event["path"]) else ""


def _raw_body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    return b64decode(body, validate=True) if event.get("isBase64Encoded") else str(body).encode()


def _encode(response: Response) -> dict[str, Any]:
    """The answer of a REST API with Lambda proxy integration."""
    text = response.content_type != _BINARY
    answer: dict[str, Any] = ChaliceResponse(
        body=response.body.decode() if text else response.body,
        headers={**response.headers, "Content-Type": response.content_type},
        status_code=response.status,
    ).to_dict([_BINARY])
    return answer
