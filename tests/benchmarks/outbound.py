"""Requests to users' addresses: what the address check costs, and how many deliveries a second one core makes.

One process of Python keeps one core busy, so what it makes is what a core makes. The endpoint is another process; it
answers at once and looks at nothing but the length.
"""

import asyncio
import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from threading import local
from typing import Any

import orjson
import requests

from headrace.adapters.clock_system import SystemClock
from headrace.adapters.outbound_urllib3 import Network, Urllib3Outbound
from headrace.ports.addresses import read_rules
from headrace.ports.bus import Received
from headrace.ports.outbound import OutboundRequest
from headrace.route.domain.sinks import Sink
from headrace.route.stages.deliver import DeliverNeeds, deliver

_CONNECTIONS = 16
_REQUESTS, _DELIVERIES, _ROUNDS = 4000, 3200, 5
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
_FINDING = orjson.dumps(
    {
        "title": "Database connection pool exhausted",
        "severity": "critical",
        "summary": "Payments fail since the pool of payment-db has no free connection left. " * 4,
        "services": ["payment-service", "checkout"],
    }
)


def measure() -> dict[str, float]:
    """Percent, and deliveries a second beside what a bare session manages."""
    with _endpoint() as url:
        return {**_check_cost(url), **_deliveries(url)}


def _check_cost(url: str) -> dict[str, float]:
    """One request after the other on a kept connection, with and without the check, by turns."""
    request = OutboundRequest(url, _FINDING, headers={"Content-Type": "application/json", "X-Project-ID": "project"})
    checking, trusting = (
        Urllib3Outbound(Network(read_rules(allowed, private_allowed=not allowed))) for allowed in ("127.0.0.0/8", "")
    )
    with closing(checking), closing(trusting):
        checked, unchecked = _p50_us(lambda: checking.send(request), lambda: trusting.send(request))
    return {
        "outbound: pooled request with the address check, p50 µs": checked,
        "outbound: the check's share of a pooled request, percent (at most 5)": (checked / unchecked - 1) * 100,
    }


def _p50_us(*works: Callable[[], object]) -> list[float]:
    """The median of each; by turns, and each turn in the other order, so that all meet the same noise."""
    taken: list[list[float]] = [[] for _ in works]
    gc.collect()
    for number in range(_REQUESTS):
        for work, times in list(zip(works, taken, strict=True))[:: 1 if number % 2 else -1]:
            started = time.perf_counter()
            work()
            times.append((time.perf_counter() - started) * 1e6)
    return [statistics.median(times[100:]) for times in taken]


class _Fixed:
    """A configuration that is always the same, and tables that take anything."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def sinks(self, project_id: str) -> list[Sink]:
        return [self._sink]

    def update(self, change: object) -> dict[str, Any]:
        return {"slots": 1}

    def put(self, item: object) -> None:
        pass


def _deliveries(url: str) -> dict[str, float]:
    """The sink stage with as many outputs at once as there are connections, and as many threads with a bare session.

    By turns, and the best round of each.
    """
    outbound = Urllib3Outbound(Network(read_rules("127.0.0.0/8", private_allowed=False)))
    fixed: Any = _Fixed(Sink("sink", "webhook", url))
    nothing: Any = None
    needs = DeliverNeeds(nothing, fixed, fixed, SystemClock(), nothing, outbound, nothing)
    events = [_event(number) for number in range(_DELIVERIES // _CONNECTIONS)]
    sessions = local()

    def work_off() -> None:
        for event in events:
            if deliver(event, needs, lambda: timedelta(minutes=5)):
                raise AssertionError("the stage gave messages back")

    def post(_: int) -> None:
        if not hasattr(sessions, "own"):
            sessions.own = requests.Session()
        headers = {"Content-Type": "application/json", "X-Project-ID": "project", "X-Request-ID": "request"}
        sessions.own.post(url, data=_FINDING, headers=headers, timeout=10).raise_for_status()

    with closing(outbound), ThreadPoolExecutor(_CONNECTIONS) as pool:
        ours, theirs = _best_per_second(work_off, lambda: list(pool.map(post, range(_DELIVERIES))))
    return {
        f"sink: deliveries/s, one core, {_CONNECTIONS} connections (at least 2,000)": ours,
        "sink: a bare requests.Session in each of as many threads, requests/s": theirs,
    }


def _event(number: int) -> list[Received]:
    attributes = {"project_id": "project", "request_id": "request", "schema": "1"}
    return [
        Received(f"message-{number}-{index}", "gf-ai-output-project", _FINDING.decode(), attributes, 1, "receipt", 0)
        for index in range(_CONNECTIONS)
    ]


def _best_per_second(*works: Callable[[], object]) -> list[float]:
    best = [float("inf")] * len(works)
    for _ in range(_ROUNDS):
        for index, work in enumerate(works):
            started = time.perf_counter()
            work()
            best[index] = min(best[index], time.perf_counter() - started)
    return [_DELIVERIES / seconds for seconds in best]


@contextmanager
def _endpoint() -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/hook"
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


class _Answering(asyncio.Protocol):
    """One connection: an answer for each whole request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._kept = b""

    def data_received(self, data: bytes) -> None:
        self._kept += data
        while (end := self._kept.find(b"\r\n\r\n")) >= 0:
            length = int(self._kept[:end].lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(self._kept) < end + 4 + length:
                return
            self._kept = self._kept[end + 4 + length :]
            self._transport.write(_ANSWER)
