"""The server's side of ASGI 3 for one request, without a socket: start the application, ask it, shut it down."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from requests.structures import CaseInsensitiveDict

from ._asgi_http import Message, Receive, Scope, Send

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_ASGI = {"version": "3.0", "spec_version": "2.3"}


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """What an application answered; named as in `requests.Response`."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


async def ask(app: Application, path: str, headers: Mapping[str, str], body: bytes) -> AgentAnswer:
    """`POST path`; returns when the application has shut down. Its exceptions come through."""
    sent: list[Message] = []
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if not unread:
            await asyncio.Event().wait()  # the caller stays
        return unread.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    async with _alive(app):
        await app(_scope(path, headers), receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    named = CaseInsensitiveDict({name.decode(): value.decode("latin-1") for name, value in start["headers"]})
    return AgentAnswer(start["status"], named, b"".join(message.get("body", b"") for message in sent))


def _scope(path: str, headers: Mapping[str, str]) -> Scope:
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


@asynccontextmanager
async def _alive(app: Application) -> AsyncIterator[None]:
    """The lifespan protocol. An application that does not speak it raises, and is served without."""
    orders: asyncio.Queue[Message] = asyncio.Queue()
    answers: asyncio.Queue[Message] = asyncio.Queue()
    life = asyncio.ensure_future(app({"type": "lifespan", "asgi": _ASGI, "state": {}}, orders.get, answers.put))
    await orders.put({"type": "lifespan.startup"})
    if not await _has_started(life, answers):
        yield
        return
    try:
        yield
    finally:
        await orders.put({"type": "lifespan.shutdown"})
        await life


async def _has_started(life: asyncio.Future[None], answers: asyncio.Queue[Message]) -> bool:
    """Whether it speaks the protocol; raises when it says that it cannot start."""
    started = asyncio.ensure_future(answers.get())
    either: list[asyncio.Future[Any]] = [life, started]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not started.done():
        started.cancel()
        return life.exception() is None
    if started.result()["type"] == "lifespan.startup.failed":
        await asyncio.wait([life])
        life.exception()  # it has been told already
        raise RuntimeError(f"the application did not start: {started.result().get('message', '')}")
    return True
