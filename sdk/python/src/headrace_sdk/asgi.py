"""An agent as one decorated function, served by any ASGI 3 server or inside FastAPI and Starlette.

    from headrace_sdk.asgi import Batch, agent

    @agent()
    def triage(batch: Batch):
        return {"summary": f"{len(batch.records)} errors"}

`triage` is then an ASGI application. A request walks: `_asgi_http` (bytes, within the limit) → `_batch` (signature,
JSON) → `_runs` (room for it, not run before) → the answer, 202; and from there without the caller: the function → its
result to `AsyncHeadrace.send_output`, under the request's `X-Request-ID` and trace.
"""

import asyncio
import inspect
import math
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from ._asgi_http import Disconnected, Receive, Scope, Send, headers_of, path_of, read_body, send_reply
from ._async_client import AsyncHeadrace
from ._batch import Batch, Refusal, read_batch
from ._errors import HeadraceError, UnavailableError
from ._origin import answering
from ._replies import Reply
from ._runs import Full, Runs
from ._settings import resolve_count, resolve_seconds, resolve_signing_secrets
from ._verify import Secrets

__all__ = ["Agent", "Batch", "agent"]

Function = Callable[[Batch], Any]
"""What a developer writes, `async` or not: a batch in, any JSON value out, None when there is nothing to say."""

_HEALTH_PATH = "/healthz"
_REMEMBERED_BATCHES = 1000
_LEAST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 5, 300


def agent(
    *,
    client: AsyncHeadrace | None = None,
    secrets: Secrets | None = None,
    path: str = "/process",
    background: bool = True,
    max_running: int = 16,
    max_body_bytes: int = 16 * 1024 * 1024,
    shutdown_timeout: float | timedelta = 30.0,
) -> "Callable[[Function], Agent]":
    """Make an agent of a function. A function that is not `async` runs in a thread.

    Args:
        client: what sends the results, and stays open; else one made from the environment.
        secrets: the project's signing secrets; else `HEADRACE_SIGNING_SECRET`, several with spaces between them. With
            any, requests that none of them has signed are refused. Without, whoever reaches the agent is believed.
        path: where batches are posted.
        background: answer 202 and work afterwards. False answers when the result is stored, so that Headrace comes
            again when this process dies; the pipeline's `timeout_seconds` must then be enough for the work.
        max_running: batches at once; more are answered 503 with `Retry-After`.
        max_body_bytes: the largest batch.
        shutdown_timeout: seconds or timedelta that a server which stops waits for running batches.

    Raises:
        ConfigurationError: a value that cannot work.
    """
    settings = _Settings(
        client=client,
        keys=resolve_signing_secrets(secrets),
        path="/" + path.strip("/"),
        background=background,
        max_running=resolve_count("max_running", max_running, least=1),
        max_body_bytes=resolve_count("max_body_bytes", max_body_bytes, least=1),
        shutdown_seconds=resolve_seconds("shutdown_timeout", shutdown_timeout),
    )
    return lambda function: Agent(function, settings)


@dataclass(frozen=True, slots=True)
class _Settings:
    client: AsyncHeadrace | None
    keys: list[bytes] | None = field(repr=False)
    path: str
    background: bool
    max_running: int
    max_body_bytes: int
    shutdown_seconds: float


class Agent:
    """The ASGI application round one function; `agent` makes it.

    `POST` on its path takes batches, `GET /healthz` says that it is up. `function` is the function as it was written,
    to be tested by itself.
    """

    def __init__(self, function: Function, settings: _Settings) -> None:
        self.function = function
        self._settings = settings
        self._own_client: AsyncHeadrace | None = None
        self._runs = Runs(settings.max_running, _REMEMBERED_BATCHES)
        self._threads = ThreadPoolExecutor(settings.max_running, "headrace-agent")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] == "http":
            with suppress(Disconnected):
                await send_reply(await self._reply(scope, receive), send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            raise ValueError(f"an agent speaks HTTP, not {scope['type']}")

    @asynccontextmanager
    async def lifespan(self, _: object = None) -> AsyncIterator[None]:
        """Around the time that the agent serves: `FastAPI(lifespan=triage.lifespan)` where it is mounted.

        Leaving it waits `shutdown_timeout` for the batches that run, and then cancels them.

        Raises:
            ConfigurationError: there is no API key, at the start rather than at the first result.
        """
        self._client()
        try:
            yield
        finally:
            await self._runs.finish(self._settings.shutdown_seconds)
            if self._own_client:
                await self._own_client.close()
                self._own_client = None

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan protocol of ASGI."""
        await receive()
        async with AsyncExitStack() as life:
            try:
                await life.enter_async_context(self.lifespan())
            except HeadraceError as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        try:
            if (scope["method"], path_of(scope)) == ("GET", _HEALTH_PATH):
                return Reply(200, {"status": "ok"})
            return await self._take(await self._read(scope, receive))
        except Refusal as refusal:
            return refusal.reply

    async def _read(self, scope: Scope, receive: Receive) -> Batch:
        if path_of(scope).rstrip("/") != self._settings.path.rstrip("/"):
            raise Refusal(404, f"batches are posted to {self._settings.path}")
        if scope["method"] != "POST":
            raise Refusal(405, "batches are sent with POST", {"Allow": "POST"})
        headers = headers_of(scope)
        body = await read_body(headers, receive, self._settings.max_body_bytes)
        return read_batch(body, headers, self._settings.keys)

    async def _take(self, batch: Batch) -> Reply:
        self._client()
        try:
            task = self._runs.start(batch.repeats, f"batch {batch.request_id!r}", partial(self._work, batch))
        except Full as full:
            raise Refusal(503, str(full), _retry_after(full.free_in_seconds)) from full
        if self._settings.background:
            return Reply(202, {"status": "accepted", "id": batch.request_id})
        if task:
            await asyncio.wait([task])
            _check(task)
        return Reply(200, {"status": "done", "id": batch.request_id})

    async def _work(self, batch: Batch) -> None:
        with answering(batch.headers):
            result = await self._result(batch)
            if result is not None:
                await self._client().send_output(result)

    async def _result(self, batch: Batch) -> Any:
        """What the function says. Ending the process is not its to decide: SystemExit is an error like others."""
        try:
            if inspect.iscoroutinefunction(self.function):
                return await self.function(batch)
            call = partial(copy_context().run, _called, self.function, batch)
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except SystemExit as leaving:
            raise RuntimeError("the agent's function called for the end of the process") from leaving

    def _client(self) -> AsyncHeadrace:
        """The client; made here rather than at import, where nobody could close it."""
        if self._settings.client:
            return self._settings.client
        self._own_client = self._own_client or AsyncHeadrace()
        return self._own_client


def _called(function: Function, batch: Batch) -> Any:
    """In a thread. A StopIteration cannot be handed to an event loop: Python 3.11 would wait for it for ever."""
    try:
        return function(batch)
    except StopIteration as stop:
        raise RuntimeError("the agent's function let a StopIteration through") from stop


def _check(task: asyncio.Task[None]) -> None:
    """Raises a `Refusal` that makes Headrace come again, unless the batch is done."""
    error = None if task.cancelled() else task.exception()
    if isinstance(error, UnavailableError):
        wait = (error.retry_after or timedelta(0)).total_seconds()
        raise Refusal(503, "the result could not be handed over", _retry_after(wait))
    if error or task.cancelled():
        raise Refusal(500, "the agent failed on this batch; its log says why")


def _retry_after(seconds: float) -> dict[str, str]:
    """Not so short that Headrace's few tries are used up before there is room, not so long that it forgets us."""
    wait = min(max(math.ceil(seconds), _LEAST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)
    return {"Retry-After": str(wait)}
