"""Each bus adapter with the same work: messages as the receiver packs them, published durably, then consumed.

Eight publishers are eight threads, as in one receiver. A consumer takes ten messages at a time and acknowledges them.
The servers (nats-server, MiniStack) run on the same cores as the publishers: SQS itself is elsewhere and has its own
limits, so its figure is that of an emulator. What is not installed is left out.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.adapters.bus_nats import NatsBus
from headrace.adapters.bus_sqlite import SqliteBus
from headrace.adapters.clock_system import SystemClock
from headrace.intake.wire.envelope import encode_attributes
from headrace.ports.bus import Message
from tests.benchmarks.reference import RECORDS, request
from tests.engines.nats import NatsServer
from tests.otlp_records import decode_request, encode_records

_REQUESTS = 400
_SLOW_REQUESTS = 80
_QUEUE = "gf-ai-raw-benchmark"
_LEASE = timedelta(seconds=60)


def measure() -> dict[str, float]:
    """Messages and records per second, engine by engine."""
    packed, _ = encode_records(decode_request("logs", "protobuf", request(), 0).records, record_limit_bytes=700 * 1024)
    messages = [Message(each.body, encode_attributes("benchmark", "logs", each, 0)) for each in packed]
    figures: dict[str, float] = {"buses: messages for one request of the reference": len(messages)}
    for name, opened, requests in (
        ("sqlite", _sqlite, _REQUESTS),
        ("nats", _nats, _REQUESTS),
        ("sqs on MiniStack", _sqs, _SLOW_REQUESTS),
    ):
        try:
            with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as bus:
                figures |= _of(name, bus, messages, requests)
        except pytest.skip.Exception as missing:
            print(f"{'':>14}  buses: {name} left out: {missing}")
    return figures


def _of(name: str, bus: Any, messages: list[Message], requests: int) -> dict[str, float]:
    figures = {}
    for publishers in (1, 8):
        published = _seconds(lambda count=publishers: _publish(bus, messages, requests, count))
        consumed = _seconds(lambda count=publishers: _consume(bus, len(messages) * requests, count))
        for what, seconds in (
            (f"publish, {publishers} at once", published),
            (f"consume, {publishers} at once", consumed),
        ):
            figures[f"buses: {name}: {what}, messages/s"] = len(messages) * requests / seconds
            figures[f"buses: {name}: {what}, records/s"] = RECORDS * requests / seconds
    return figures


def _publish(bus: Any, messages: list[Message], requests: int, publishers: int) -> None:
    with ThreadPoolExecutor(publishers) as pool:
        list(pool.map(lambda _: bus.publish(_QUEUE, messages), range(requests)))


def _consume(bus: Any, total: int, consumers: int) -> None:
    def work(_: int) -> int:
        done = 0
        while taken := bus.receive(_QUEUE, limit=10, lease=_LEASE):
            bus.acknowledge(taken)
            done += len(taken)
        return done

    with ThreadPoolExecutor(consumers) as pool:
        done = sum(pool.map(work, range(consumers)))
    assert done == total, f"{done} of {total} messages came"


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def _sqlite(folder: Path) -> Iterator[SqliteBus]:
    bus = SqliteBus(folder / "bus.db", SystemClock(), receive_limit=12)
    yield bus
    bus.close()


@contextmanager
def _nats(folder: Path) -> Iterator[NatsBus]:
    server = NatsServer(folder)
    server.start()
    bus = NatsBus(server.url, SystemClock(), receive_limit=12)
    yield bus
    bus.close()
    server.stop()


@contextmanager
def _sqs(folder: Path) -> Iterator[Any]:
    from tests.engines.ministack import Ministack, make_queue
    from tests.engines.sqs_consumer import Consumer

    ministack = Ministack(folder)
    ministack.start()
    with ExitStack() as stack:
        stack.callback(ministack.stop)
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        for variable, value in ministack.client_environment.items():
            environment.setitem(os.environ, variable, value)
        make_queue(_QUEUE, receive_limit=12)
        bus = Consumer(SystemClock(), receive_limit=12, queue_prefix="gf-ai")
        stack.callback(bus.close)
        yield bus
