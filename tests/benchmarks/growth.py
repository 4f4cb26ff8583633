"""How costs grow: what one record, attribute, message or project costs, as there are more and more of them.

A figure that stays the same along a row grows linearly, which is what one hopes for.
"""

import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from headrace.adapters.bus_sqlite import SqliteBus
from headrace.adapters.clock_system import SystemClock
from headrace.ports.bus import Message
from tests.benchmarks.reference import request
from tests.benchmarks.timing import best_seconds
from tests.otlp_records import decode_request, encode_records

_RECORDS = (1, 10, 100, 1_000, 10_000)
_ATTRIBUTES = (3, 30, 300)
_PROJECTS = (1, 10, 100, 1_000)
_DEPTHS = (0, 10_000, 100_000, 1_000_000)
_MESSAGES = 200
_LEASE = timedelta(minutes=10)


def measure() -> dict[str, float]:
    """Microseconds, each of one thing."""
    return {**_by_records(), **_by_attributes(), **_by_projects(), **_by_depth()}


def _by_records() -> dict[str, float]:
    return {
        f"growth: receive a record, of {count:,} in a request, µs": _receive(request(count)) / count * 1e6
        for count in _RECORDS
    }


def _by_attributes() -> dict[str, float]:
    return {
        f"growth: receive an attribute, of {count} in each of 100 records, µs": _receive(_wide(count))
        / count
        / 100
        * 1e6
        for count in _ATTRIBUTES
    }


def _receive(body: bytes) -> float:
    def work() -> None:
        encode_records(decode_request("logs", "protobuf", body, 0).records, record_limit_bytes=700 * 1024)

    return best_seconds(work, rounds=7)


def _wide(attributes: int) -> bytes:
    message = ExportLogsServiceRequest.FromString(request(100))
    for number, log in enumerate(message.resource_logs[0].scope_logs[0].log_records):
        del log.attributes[:]
        for each in range(attributes):
            log.attributes.add(key=f"attribute.{each}").value.string_value = f"value {number} {each}"
    return message.SerializeToString()


def _by_projects() -> dict[str, float]:
    """A message on each queue: found, received and acknowledged, as the pump does."""
    figures = {}
    for count in _PROJECTS:
        with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
            bus = _bus(folder)
            for number in range(count):
                bus.publish(f"gf-ai-raw-{number}", [Message("x")])
            began = time.perf_counter()
            for queue in bus.due():
                bus.acknowledge(bus.receive(queue, limit=10, lease=_LEASE))
            figures[f"growth: find and take a message, of {count:,} projects with one each, µs"] = (
                (time.perf_counter() - began) / count * 1e6
            )
            bus.close()
    return figures


def _by_depth() -> dict[str, float]:
    """Publish, receive and acknowledge one message on a queue that is so deep already."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        bus, depth = _bus(folder), 0
        for wanted in _DEPTHS:
            _fill(bus, wanted - depth)
            depth = wanted
            figures[f"growth: publish, take and acknowledge a message, {wanted:,} deep, µs"] = _turn(bus) * 1e6
        bus.close()
    return figures


def _turn(bus: SqliteBus) -> float:
    began = time.perf_counter()
    for _ in range(_MESSAGES):
        bus.publish("deep", [Message("x" * 500)])
        bus.acknowledge(bus.receive("deep", limit=1, lease=_LEASE))
    return (time.perf_counter() - began) / _MESSAGES


def _fill(bus: SqliteBus, count: int) -> None:
    messages: Sequence[Message] = [Message("x" * 500)] * 10_000
    for _ in range(count // len(messages)):
        bus.publish("deep", messages)


def _bus(folder: str) -> SqliteBus:
    return SqliteBus(Path(folder) / "bus.db", SystemClock(), receive_limit=12)
