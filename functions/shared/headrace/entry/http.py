"""API Gateway events ↔ plain requests and responses, through Chalice. The first and the last step of every walk.

Chalice decides routes; its habits are dealt with here, once: it refuses undeclared content types with a body of
its own, wants an Accept header that matches a binary answer, keeps the current request on the application object (not
safe for threads), leaves gzip as it is, and knows no `{proxy+}`.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
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


View = Callable[[Request], Response]
EncodeError = Callable[[Request, int, HeadraceError], Response]
"""`(request, status, error) -> response`: the shape that a door gives its errors."""

_current: ContextVar[Request] = ContextVar("request")


class Door:
    """One function's HTTP side: call it with an API Gateway event, get an API Gateway answer."""

    def __init__(self, name: str, encode_error: EncodeError, limits: Callable[[], Limits]) -> None:
        look_less_often()
        self._chalice = Chalice(app_name=name)
        self._chalice.api.binary_types = [_BINARY]
        self._router: Router[View] = Router()
        self._encode_error = encode_error
        self._limits = limits

    def route(self, method: str, path: str) -> Callable[[View], View]:
        """Let a view answer `method` on `path` (`/things/{id}`)."""

        def register(view: View) -> View:
            def answer(**_: str) -> ChaliceResponse:
                return _to_chalice(self._answer(view, _current.get()))

            answer.__name__ = view.__name__
            self._router.add(method, path, view)
            self._chalice.route(path, methods=[method], content_types=["*/*"], name=view.__name__)(answer)
            return view

        return register

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The handler that a Lambda runtime calls."""
        request = _request(event, self._limits())
        match = self._router.find(request.method, request.path)
        if match is None or match.target is None:
            return _to_chalice(self._refusal(request, match)).to_dict([_BINARY])
        token = _current.set(replace(request, path_parameters=match.parameters))
        try:
            answer: dict[str, Any] = self._chalice(_for_chalice(event, match), context)
            return answer
        finally:
            _current.reset(token)

    def _refusal(self, request: Request, match: Match[View] | None) -> Response:
        """For a path or method that a `{proxy+}` of the gateway let through."""
        if match is None:
            return self._encode_error(request, 404, HeadraceError(f"there is nothing at {request.path}"))
        allowed = ", ".join(match.allowed)
        error = HeadraceError(f"{request.method} is not allowed here, only {allowed}")
        return _with_header(self._encode_error(request, 405, error), "Allow", allowed)

    def _answer(self, view: View, request: Request) -> Response:
        try:
            return view(request)
        except HeadraceError as error:
            status = next((code for kind, code in STATUSES if isinstance(error, kind)), 500)
            if status < 500 or isinstance(error, Unavailable):
                return _with_advice(self._encode_error(request, status, error), error)
            crash(events.RequestFailed(path=request.path))
        except Exception:  # noqa: BLE001 - the last line: log it, tell the caller nothing of our insides
            crash(events.RequestFailed(path=request.path))
        return self._encode_error(request, 500, HeadraceError("internal error"))


def _with_advice(response: Response, error: HeadraceError) -> Response:
    """What the caller may do: RFC 9110 sections 10.2.3 and 11.6.1."""
    if isinstance(error, Unavailable):
        return _with_header(response, "Retry-After", str(max(1, round(error.retry_after.total_seconds()))))
    if isinstance(error, NotAuthenticated):
        return _with_header(response, "WWW-Authenticate", "Bearer")
    return response


def _with_header(response: Response, name: str, value: str) -> Response:
    return replace(response, headers={**response.headers, name: value})


def _request(event: Mapping[str, Any], limits: Limits) -> Request:
    return Request(
        method=event["requestContext"]["httpMethod"],
        path=event["path"],
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        path_parameters={},
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


def _for_chalice(event: dict[str, Any], match: Match[View]) -> dict[str, Any]:
    """The event without what would make Chalice answer by itself; our views read `Request`, not this."""
    context = {**event["requestContext"], "resourcePath": match.path}
    return {
        **event,
        "requestContext": context,
        "headers": {"accept": "*/*"},
        "multiValueQueryStringParameters": None,
        "pathParameters": match.parameters,
        "stageVariables": None,
        "body": "",
        "isBase64Encoded": False,
    }


def _to_chalice(response: Response) -> ChaliceResponse:
    text = response.content_type != _BINARY
    return ChaliceResponse(
        body=response.body.decode() if text else response.body,
        headers={**response.headers, "Content-Type": response.content_type},
        status_code=response.status,
    )
