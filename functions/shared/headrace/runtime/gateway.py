"""The local API Gateway: an ASGI application that makes of each request the event that a REST API would make.

Routes come from the template. A body is always base64, as with binary media type `*/*`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from pybase64 import b64decode, b64encode_as_string

from headrace.entry.errors import problem_error
from headrace.entry.http import Limits, Request, Response
from headrace.entry.otlp_errors import otlp_error
from headrace.entry.routing import Router
from headrace.errors import HeadraceError
from headrace.runtime.feed import Feed
from headrace.runtime.functions import Loaded
from headrace.runtime.metrics import Metrics
from headrace.runtime.probes import Probes

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_DISCARDED_BYTES = 64 * 1024 * 1024
"""How much of a body over the limit is read and thrown away, so that its sender gets to read the answer."""


class Gateway:
    """Calls functions on `threads`; streams the event feed, and answers `metrics` and `probes`, if given, by itself."""

    def __init__(
        self,
        functions: Sequence[Loaded],
        threads: Executor,
        feed: Feed,
        max_body_bytes: int,
        metrics: Metrics | None = None,
        probes: Probes | None = None,
    ) -> None:
        self._router: Router[Loaded] = Router()
        for loaded in functions:
            for method, path in loaded.function.routes:
                self._router.add(method, path, loaded)
        self._threads = threads
        self._feed = feed
        self._metrics = metrics
        self._probes = probes
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI wants it."""
        if scope["path"] == Feed.PATH:
            await self._feed.stream(scope, receive, send)
            return
        probe = self._probes.answer(scope["method"], scope["path"]) if self._probes is not None else None
        if probe is not None:
            await _respond(send, probe[0], {"content-type": "application/json"}, probe[1])
            return
        if self._metrics is not None and (scope["method"], scope["path"]) == ("GET", Metrics.PATH):
            text = await asyncio.get_running_loop().run_in_executor(None, self._metrics.encode)
            await _respond(send, 200, {"content-type": Metrics.CONTENT_TYPE}, text)
            return
        body = await self._read(receive)
        if body is None:
            return
        found = self._match(scope)
        if isinstance(found, Response):
            headers = {**found.headers, "content-type": found.content_type}
            await _respond(send, found.status, headers, found.body)
            return
        loaded, path, parameters = found
        event = encode_event(scope, body, path, parameters)
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, loaded, event)
        await _respond(send, answer["statusCode"], _answer_headers(answer), _answer_body(answer))

    def _match(self, scope: Scope) -> tuple[Loaded, str, Mapping[str, str]] | Response:
        match = self._router.find(scope["method"], scope["raw_path"].decode("latin-1"))  # it decodes parameters
        if match is None:
            return _refusal(scope, 404, f"there is nothing at {scope['path']}", {})
        if match.target is None:
            allowed = ", ".join(match.allowed)
            message = f"{scope['method']} is not allowed here, only {allowed}"
            return _refusal(scope, 405, message, {"Allow": allowed})
        return match.target, match.path, match.parameters

    async def _read(self, receive: Receive) -> bytes | None:
        """The body; a little more than the limit when it is over it; None when the sender went away."""
        body, discarded, more = bytearray(), 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) <= self._max_body_bytes:
                body += chunk
            else:
                discarded += len(chunk)
                more = more and discarded < _DISCARDED_BYTES
        return bytes(body[: self._max_body_bytes + 1])


def encode_event(scope: Scope, body: bytes, resource: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The event of a REST API with Lambda proxy integration, payload version 1.0.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    client = scope.get("client") or ("", 0)
    return {
        "resource": resource,
        "path": scope["path"],
        "httpMethod": scope["method"],
        "headers": dict(headers),
        "multiValueHeaders": _multi(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _multi(query) or None,
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": scope["method"],
            "path": scope["path"],
            "stage": "local",
            "requestId": str(uuid4()),
            "requestTimeEpoch": int(time.time() * 1000),
            "identity": {"sourceIp": client[0]},
        },
        "body": b64encode_as_string(body) if body else None,
        "isBase64Encoded": bool(body),
    }


def _multi(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def _refusal(scope: Scope, status: int, message: str, headers: Mapping[str, str]) -> Response:
    names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    request = Request(scope["method"], scope["path"], names, {}, {}, b"", Limits(0, 0))
    encode = otlp_error if scope["path"].startswith("/v1") else problem_error
    response = encode(request, status, HeadraceError(message))
    return Response(response.status, response.body, response.content_type, headers)


def _answer_headers(answer: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in (answer.get("headers") or {}).items()}


def _answer_body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body") or ""
    return b64decode(body, validate=True) if answer.get("isBase64Encoded") else str(body).encode()


async def _respond(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
