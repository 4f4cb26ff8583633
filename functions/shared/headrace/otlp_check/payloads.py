"""The telemetry that is sent, as protobuf messages: all of it carries `service.name=otlp-check`."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from headrace.otlp_check.payloads_every_field import fill_log, fill_metrics, fill_span
from headrace.otlp_check.signals import Signal

_NAME = "otlp-check"
_UNKNOWN_FIELDS = bytes.fromhex("f83f2a f93f0102030405060708 fa3f03616263 fd3f01020304")
"""Field 1023, which no message has, in each wire type: varint, 64 bit, length-delimited, 32 bit."""
_SHORT_ID = b"\xab\xcd\xef"

RECORDS_OF_PARTLY_VALID = 4


@dataclass(frozen=True)
class Export:
    """One signal: its path, its messages, and the names in them."""

    path: str
    request: Any
    response: type[Message]
    rejected: str
    """The field of `partial_success` that counts."""
    rejected_in_json: str
    root: str
    add: Callable[[Any], Any]
    """Adds one valid record to a scope's message and returns what carries its trace_id and span_id."""
    fill: Callable[[Any], None]
    """Adds records to a scope's message that use every field there is."""


def _scope(export: Export, request: Any) -> Any:
    """The message of the one scope in a request: its resource and itself are named."""
    resource = getattr(request, export.root).add()
    resource.resource.attributes.add(key="service.name").value.string_value = _NAME
    scope = getattr(resource, export.root.replace("resource", "scope")).add()
    scope.scope.name, scope.scope.version = _NAME, "1"
    return scope


def minimal(export: Export, count: int = 1) -> Any:
    """`count` small valid records."""
    request = export.request()
    scope = _scope(export, request)
    for _ in range(count):
        export.add(scope)
    return request


def every_field(export: Export) -> Any:
    """Records in which every field of the schema and every kind of value is set."""
    request = export.request()
    scope = _scope(export, request)
    scope.schema_url = getattr(request, export.root)[0].schema_url = "https://opentelemetry.io/schemas/1.27.0"
    scope.scope.dropped_attributes_count = 1
    export.fill(scope)
    return request


def zero_values(export: Export) -> Any:
    """A record of zeros: no time, not sampled, number 0. Only what the schema requires is there."""
    request = export.request()
    scope = _scope(export, request)
    if export.root == "resource_logs":
        scope.log_records.add()
    elif export.root == "resource_spans":
        span = export.add(scope)
        span.flags = span.kind = span.start_time_unix_nano = span.end_time_unix_nano = 0
    else:
        scope.metrics.add(name=_NAME).gauge.data_points.add().as_int = 0
    return request


def empty_envelope(export: Export) -> Any:
    """A resource and a scope without any record."""
    request = export.request()
    _scope(export, request)
    return request


def partly_valid(export: Export) -> Any:
    """`RECORDS_OF_PARTLY_VALID` records, of which one has ids of a wrong length."""
    request = minimal(export, RECORDS_OF_PARTLY_VALID - 1)
    scope = getattr(getattr(request, export.root)[0], export.root.replace("resource", "scope"))[0]
    bearer = export.add(scope)
    bearer.trace_id = bearer.span_id = _SHORT_ID
    return request


def long(export: Export, size_bytes: int) -> Any:
    """One valid record in a request of a little more than `size_bytes`."""
    request = minimal(export)
    resource = getattr(request, export.root)[0].resource
    resource.attributes.add(key="padding").value.string_value = "x" * size_bytes
    return request


def root_in_json(export: Export) -> str:
    """The JSON name of the field that holds a request's resources."""
    return str(export.request.DESCRIPTOR.fields_by_name[export.root].json_name)


def long_in_pieces(export: Export, size_bytes: int) -> Any:
    """A little more than `size_bytes` in records of 1 KiB: of one that is long alone a server may think otherwise."""
    request = export.request()
    for _ in range(size_bytes // 1024 + 1):
        request.MergeFrom(long(export, 1024))
    return request


def with_unknown_fields(message: Any) -> bytes:
    """The bytes of `message` with a field that no version of the schema has in it and in every message inside it."""
    for each in _messages(message):
        each.MergeFromString(_UNKNOWN_FIELDS)
    return bytes(message.SerializeToString())


def _messages(message: Any) -> Iterator[Any]:
    yield message
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else (value,):
                yield from _messages(inner)


def _identify(bearer: Any) -> Any:
    bearer.trace_id, bearer.span_id = secrets.token_bytes(16), secrets.token_bytes(8)
    return bearer


def _add_log(scope: Any) -> Any:
    record = scope.log_records.add(time_unix_nano=time.time_ns(), severity_number=9, severity_text="INFO")
    record.body.string_value = _NAME
    return _identify(record)


def _add_span(scope: Any) -> Any:
    now = time.time_ns()
    return _identify(scope.spans.add(name=_NAME, kind=2, start_time_unix_nano=now - 1_000_000, end_time_unix_nano=now))


def _add_point(scope: Any) -> Any:
    now = time.time_ns()
    total = scope.metrics.add(name=_NAME, unit="1").sum
    total.aggregation_temporality, total.is_monotonic = 2, True
    point = total.data_points.add(start_time_unix_nano=now - 1_000_000_000, time_unix_nano=now, as_int=7)
    return _identify(point.exemplars.add(time_unix_nano=now, as_int=1))


EXPORTS: dict[Signal, Export] = {
    "logs": Export(
        "/v1/logs",
        ExportLogsServiceRequest,
        ExportLogsServiceResponse,
        "rejected_log_records",
        "rejectedLogRecords",
        "resource_logs",
        _add_log,
        lambda scope: fill_log(_add_log(scope)),
    ),
    "traces": Export(
        "/v1/traces",
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
        "rejected_spans",
        "rejectedSpans",
        "resource_spans",
        _add_span,
        lambda scope: fill_span(_add_span(scope)),
    ),
    "metrics": Export(
        "/v1/metrics",
        ExportMetricsServiceRequest,
        ExportMetricsServiceResponse,
        "rejected_data_points",
        "rejectedDataPoints",
        "resource_metrics",
        _add_point,
        fill_metrics,
    ),
}
