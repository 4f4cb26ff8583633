"""Calls an ASGI application as a server would, without a socket."""

import asyncio
import base64
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from headrace.runtime.feed import Feed
from headrace.runtime.functions import Deadline, Loaded
from headrace.runtime.gateway import Gateway
from headrace.runtime.template import Function

Headers = Iterable[tuple[bytes, bytes]]


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    read: int = 0
    """Messages of the request that the application asked for."""


def scope_of(method: str, raw_path: str, headers: Headers = (), query: bytes = b"", **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "headers": list(headers),
        "query_string": query,
        "client": ("203.0.113.9", 4711),
        **more,
    }


def call(app: Any, scope: dict[str, Any], chunks: Iterable[bytes | None] = (b"",)) -> Answer | None:
    """The answer to a request whose body comes in `chunks`, where None is a sender that went away."""
    waiting = list(chunks)
    answer, said = Answer(), []

    async def receive() -> dict[str, Any]:
        chunk = waiting[answer.read]
        answer.read += 1
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": answer.read < len(waiting)}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    asyncio.run(app(scope, receive, send))
    if not said:
        return None
    start, *bodies = said
    assert [start["type"], *(each["type"] for each in bodies)] == ["http.response.start", "http.response.body"]
    answer.status = start["status"]
    answer.headers = {name.decode(): value.decode() for name, value in start["headers"]}
    answer.body = b"".join(each["body"] for each in bodies)
    return answer


def text(status: int, body: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"statusCode": status, "headers": dict(headers or {}), "body": body, "isBase64Encoded": False}


def binary(status: int, body: bytes) -> dict[str, Any]:
    return {"statusCode": status, "headers": {}, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}


class Recorder:
    """A function that keeps its events and answers what it was told to."""

    def __init__(self, answer: dict[str, Any] | None = None) -> None:
        self.events: list[Any] = []
        self.contexts: list[Any] = []
        self._answer = text(200, "") if answer is None else answer

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        self.events.append(event)
        self.contexts.append(context)
        return self._answer

    @property
    def event(self) -> Any:
        (event,) = self.events
        return event


def gateway(routes: Iterable[tuple[str, str, Any]], max_body_bytes: int = 1000) -> Gateway:
    """A gateway to handlers by method and path."""
    loaded = [
        Loaded(Function("F", Path(), "a.b", timedelta(seconds=3), ((method, path),)), handler, Deadline())
        for method, path, handler in routes
    ]
    return Gateway(loaded, ThreadPoolExecutor(1), Feed(lambda key: "p"), max_body_bytes)
