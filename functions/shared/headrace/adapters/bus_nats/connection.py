"""One event loop on a thread of its own, and on it the one connection of a process to NATS.

The ports are synchronous and called from many threads; nats-py is asynchronous. So every call is a coroutine that the
loop runs, and what an adapter remembers is touched by that thread alone.
"""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError, NoRespondersError

from headrace import events
from headrace.errors import ConfigError, TooLarge, Unavailable
from headrace.observability import warn

Result = TypeVar("Result")

CALL_SECONDS = 5.0
"""How long the server has for one answer."""
_CONNECT_SECONDS = 2
_REST_SECONDS = 0.5
"""After a vain attempt to connect, so that many callers do not queue up for attempts of their own."""
_PATIENCE_SECONDS = 30.0
"""How long a call, of any number of requests, may take in all."""
_RECONNECTS = 60
_MISSING = (10059, 10014, 10037)  # stream, consumer, message not found
_DELETION_FAILED = 10057  # for many reasons, of which only the text tells


class ApiError(Exception):
    """JetStream said no. `code` is its own (https://github.com/nats-io/nats-server/blob/main/server/errors.json)."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.code, self._description = code, description

    @property
    def missing(self) -> bool:
        """Whether what was asked about does not exist."""
        return self.code in _MISSING or (self.code == _DELETION_FAILED and self._description == "no message found")


class Missing(Exception):
    """There is no stream that takes the subject."""


@dataclass(frozen=True, slots=True)
class Read:
    """A message that was read, not delivered."""

    sequence: int
    subject: str
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """Opened at first use; opened again after `close`, or when the server was away for long."""

    def __init__(self, url: str, name: str, on_connect: Callable[[Client], Awaitable[None]] | None = None) -> None:
        self._servers, self._name, self._on_connect = servers_of(url), name, on_connect
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Client | None = None
        self._connecting: asyncio.Lock | None = None
        self._failed_at = float("-inf")

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What `work` returns, from any thread.

        Raises:
            Unavailable: the server cannot be reached, or refuses for now.
            TooLarge: a message that the server does not take.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._started())
        try:
            return future.result(_PATIENCE_SECONDS)
        except MaxPayloadError as cause:  # from the client, which knows the server's limit
            raise TooLarge("a message with its attributes", limit_bytes=self._max_payload()) from cause
        except (NatsError, ApiError, Missing, OSError, TimeoutError, CancelledError) as cause:
            future.cancel()
            raise Unavailable(f"the bus is unavailable: {cause or type(cause).__name__}") from cause

    async def client(self) -> Client:
        """The connection, while it stands. Raises Unavailable at once when it is interrupted."""
        if self._client is None or self._client.is_closed:
            self._connecting = self._connecting or asyncio.Lock()
            async with self._connecting:
                if self._client is None or self._client.is_closed:
                    self._client = await self._connect()
        if not self._client.is_connected:
            raise Unavailable("the bus is unavailable: the connection to NATS is interrupted")
        return self._client

    async def api(self, call: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """An answer of JetStream's API (https://docs.nats.io/reference/reference-protocols/nats_api_reference).

        Raises:
            ApiError: it said no.
        """
        client = await self.client()
        answer = await client.request(f"$JS.API.{call}", json.dumps(body or {}).encode(), timeout=CALL_SECONDS)
        return _checked(answer)

    async def api_if_there(self, call: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The same; an empty answer when what it is about does not exist."""
        try:
            return await self.api(call, body)
        except ApiError as problem:
            if not problem.missing:
                raise
            return {}

    async def store(self, subject: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Publish, and return the sequence number under which the stream has it.

        Raises:
            Missing: no stream takes the subject.
        """
        client = await self.client()
        if len(body) + sum(len(name) + len(value) + 4 for name, value in headers.items()) > client.max_payload:
            size = len(body) + sum(map(len, headers.values()))
            raise TooLarge("a message with its attributes", limit_bytes=client.max_payload, size_bytes=size)
        try:
            answer = await client.request(subject, body, timeout=CALL_SECONDS, headers=dict(headers))
        except NoRespondersError as cause:
            raise Missing(f"no stream takes {subject}") from cause
        sequence: int = _checked(answer)["seq"]
        return sequence

    async def read(self, stream: str, wanted: Mapping[str, Any]) -> "Read | None":
        """A message of a stream, from outside of all consumers; None when there is none, or no such stream."""
        answer = await self.api_if_there(f"STREAM.MSG.GET.{stream}", wanted)
        if not answer:
            return None
        found = answer["message"]
        headers = _headers(base64.b64decode(found.get("hdrs", "")))
        return Read(found["seq"], found["subject"], headers, base64.b64decode(found.get("data", "")))

    async def count(self, stream: str, subjects: str | None = None) -> dict[str, Any]:
        """The state of a stream, with the message counts of `subjects`; that of an empty one when it is missing."""
        wanted = {"subjects_filter": subjects} if subjects else None
        answer = await self.api_if_there(f"STREAM.INFO.{stream}", wanted)
        state: dict[str, Any] = answer.get("state", {"messages": 0, "last_seq": 0})
        return state

    def close(self, farewell: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """End the connection and the loop, after a last `farewell` if it can be said; a later call opens both again."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(farewell), loop).result(3 * CALL_SECONDS)
        loop.call_soon_threadsafe(loop.stop)

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` on the loop beside everything else, until `close`."""
        asyncio.run_coroutine_threadsafe(work(), self._started())

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop, self._client, self._connecting = asyncio.new_event_loop(), None, None
                threading.Thread(target=_run, args=(self._loop,), name="nats", daemon=True).start()
            return self._loop

    async def _connect(self) -> Client:
        if time.monotonic() < self._failed_at + _REST_SECONDS:
            raise Unavailable("the bus is unavailable: NATS cannot be reached")
        attempt = nats.connect(
            self._servers,
            name=self._name,
            connect_timeout=_CONNECT_SECONDS,
            allow_reconnect=True,
            max_reconnect_attempts=_RECONNECTS,
            reconnect_time_wait=1,
            error_cb=_reported,
        )
        try:
            client = await asyncio.wait_for(attempt, _CONNECT_SECONDS)  # alone it would go on for all reconnects
        except Exception:
            self._failed_at = time.monotonic()
            raise
        if self._on_connect is not None:
            await self._on_connect(client)
        return client

    async def _close(self, farewell: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        if self._client is not None and not self._client.is_closed:
            with suppress(NatsError, Unavailable, OSError):  # what is not said is found out by the server in time
                if farewell is not None and self._client.is_connected:
                    await farewell()
            await self._client.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _max_payload(self) -> int:
        return self._client.max_payload if self._client else 0


def servers_of(url: str) -> list[str]:
    """The servers in `nats://[user:password@]host[:port],…`, `tls://` for encrypted connections.

    Raises:
        ConfigError: there is no host.
    """
    scheme, _, rest = url.partition("://")
    hosts = [part.strip() for part in rest.split(",") if part.strip()]
    if not hosts:
        raise ConfigError(f"HEADRACE_BUS must be {scheme}://HOST:4222, not {url!r}")
    return [part if "://" in part else f"{scheme}://{part}" for part in hosts]


async def all_of(works: Iterable[Awaitable[Result]]) -> list[Result]:
    """The results of `works`, done at once. When some fail, the first failure, after all have ended."""
    results = await asyncio.gather(*works, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _headers(block: bytes) -> dict[str, str]:
    """Those of a message as it is stored; the first line is the version of the protocol."""
    lines = block.decode("ascii", "replace").split("\r\n")[1:]
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


def _checked(answer: Msg) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(answer.data)
    if error := decoded.get("error"):
        raise ApiError(error.get("err_code", error["code"]), error.get("description", ""))
    return decoded


async def _reported(problem: Exception) -> None:
    """nats-py tells of each failed attempt to connect; the calls that fail meanwhile say so themselves."""
    warn(events.NatsConnection(reason=str(problem) or type(problem).__name__))
