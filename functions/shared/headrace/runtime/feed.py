"""The event feed of a running runtime, as server-sent events: what `headrace tail` and the demo show.

A caller sees the events of the project whose key it shows. A reader that is too slow loses events, never the flow.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from headrace.api.problem import CONTENT_TYPE, encode_problem
from headrace.errors import HeadraceError, NotAuthenticated
from headrace.events import Told, decode
from headrace.observability import listen

_BACKLOG = 1000


class Feed:
    """Streams to any number of readers. `project_of` turns an API key into a project id or raises."""

    PATH = "/internal/events"

    def __init__(self, project_of: Callable[[str | None], str]) -> None:
        self._project_of = project_of
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End all streams; to be called from the event loop's thread."""
        self._stopped.set()

    async def stream(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one reader until it goes away or the runtime stops."""
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        loop = asyncio.get_running_loop()
        try:
            project_id = await loop.run_in_executor(None, self._project_of, headers.get("x-api-key"))
        except HeadraceError as problem:
            await _refuse(send, 401 if isinstance(problem, NotAuthenticated) else 503, str(problem))
            return
        waiting: asyncio.Queue[Told] = asyncio.Queue(_BACKLOG)

        def offer(told: Told) -> None:
            event = decode(told)
            if event is not None and event.project_id == project_id and not waiting.full():
                waiting.put_nowait(told)

        def tell(told: Told) -> None:
            loop.call_soon_threadsafe(offer, told)

        unlisten = listen(tell)
        try:
            await self._pour(waiting, receive, send)
        finally:
            unlisten()

    async def _pour(
        self,
        waiting: asyncio.Queue[Told],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        start = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/event-stream")],
        }
        await send(start)
        await send({"type": "http.response.body", "body": b": listening\n\n", "more_body": True})
        gone = asyncio.ensure_future(_disconnected(receive))
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            while True:
                event = asyncio.ensure_future(waiting.get())
                done, _ = await asyncio.wait({event, gone, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if event not in done:
                    event.cancel()
                    break
                line = b"data: " + orjson.dumps(event.result(), default=str) + b"\n\n"
                await send({"type": "http.response.body", "body": line, "more_body": True})
        finally:
            gone.cancel()
            stopped.cancel()
        await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Callable[[], Awaitable[dict[str, Any]]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Callable[[dict[str, Any]], Awaitable[None]], status: int, detail: str) -> None:
    headers = [(b"content-type", CONTENT_TYPE.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": encode_problem(status, detail)})
