"""Records that can be told apart by a number, which also says what has to become of them; and requests of them."""

import gzip
from collections.abc import Iterable
from typing import Any, Literal

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.flow.logs import ERROR, INFO, log_record, logs_of

Fate = Literal["kept", "filtered", "broken"]

PIPELINE = {"filter": "severityNumber >= 17 and $number(body) >= 0", "on_error": "dead_letter"}
"""Keeps what is kept, drops what is filtered, and fails on what is broken."""

_BROKEN_EVERY, _FILTERED_EVERY = 4999, 10


def fate(number: int) -> Fate:
    """What the pipeline has to do with a record: most are kept, since those can be followed one by one."""
    if number % _BROKEN_EVERY == _BROKEN_EVERY - 1:
        return "broken"
    return "filtered" if number % _FILTERED_EVERY == 0 else "kept"


def encode_request(first: int, count: int, form: int) -> tuple[bytes, dict[str, str]]:
    """An OTLP request and its headers: protobuf or JSON, plain or gzip, as `form` says."""
    numbers = range(first, first + count)
    body = _protobuf(numbers) if form % 2 else logs_of(*(log_record(_mark(n), _severity(n)) for n in numbers))
    headers = {"Content-Type": "application/x-protobuf" if form % 2 else "application/json"}
    if form % 4 >= 2:
        return gzip.compress(body, 1), {**headers, "Content-Encoding": "gzip"}
    return body, headers


def decode_numbers(records: Iterable[Any]) -> list[int]:
    """The numbers of flat records."""
    return [int(record["body"].removeprefix("broken ")) for record in records]


def decode_batch(body: bytes) -> list[int]:
    """The numbers of the records in a request to the agent."""
    return decode_numbers(orjson.loads(body))


def _mark(number: int) -> str:
    return f"broken {number}" if fate(number) == "broken" else str(number)


def _severity(number: int) -> int:
    return INFO if fate(number) == "filtered" else ERROR


def _protobuf(numbers: range) -> bytes:
    request = ExportLogsServiceRequest()
    scope_logs = request.resource_logs.add().scope_logs.add()
    for number in numbers:
        log = scope_logs.log_records.add(time_unix_nano=1_705_314_600_000_000_000, severity_number=_severity(number))
        log.body.string_value = _mark(number)
    return request.SerializeToString()
