"""The HTTP of ASGI 3 (https://asgi.readthedocs.io/en/latest/specs/www.html), as much as an agent needs."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ._batch import Refusal
from ._replies import Reply

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Disconnected(Exception):
    """The caller has gone before its request was complete: there is nobody to answer."""


def path_of(scope: Scope) -> str:
    """The path below where the application is mounted."""
    path, mounted_at = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path.removeprefix(mounted_at) if path.startswith(f"{mounted_at}/") else path


def headers_of(scope: Scope) -> dict[str, str]:
    """Headers by name in lower case; of one that is sent twice the last counts."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def read_body(headers: dict[str, str], receive: Receive, limit_bytes: int) -> bytes:
    """The whole body.

    Raises:
        Refusal: 413 as soon as it is certain to be over the limit.
        Disconnected: it broke off.
    """
    announced = headers.get("content-length", "")
    _check_size(int(announced) if announced.isdecimal() else 0, limit_bytes)
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        _check_size(len(body), limit_bytes)
        more = message.get("more_body", False)
    return bytes(body)


def _check_size(size_bytes: int, limit_bytes: int) -> None:
    if size_bytes > limit_bytes:
        raise Refusal(413, f"the body has {size_bytes} bytes or more, the limit is {limit_bytes} bytes")


async def send_reply(reply: Reply, send: Send) -> None:
    """The whole answer."""
    headers = [(name.lower().encode(), value.encode()) for name, value in reply.all_headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
