"""OTLP requests as protobuf reads them, with parts left as the bytes they came in.

What stays bytes costs nothing until somebody asks for it, and equal bytes mean equal values, so bytes are keys of
what is remembered. On the wire a message and `bytes` look the same; where a field is one message it becomes
`repeated bytes`, since it may come in several pieces, which one after the other are the same as merged.
Source: https://protobuf.dev/programming-guides/encoding/

Each signal has two views: one for reading records (resources, scopes and attributes are bytes), and one for counting
and cutting (the records themselves are bytes too).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from headrace.ports.records import Signal

Fields = Collection[tuple[str, str]]
"""`(message, field)`"""


class Group(NamedTuple):
    """Records that share a resource and a scope; of metrics, the points of one metric."""

    place: tuple[int, int, int]
    """Which resource, which scope in it, and which metric in that (else 0)."""
    outer: Any
    """ResourceLogs, ResourceSpans or ResourceMetrics: `resource`, `schema_url`."""
    inner: Any
    """ScopeLogs, ScopeSpans or ScopeMetrics: `scope`, `schema_url`."""
    records: Any
    """The repeated field that holds them."""
    metric: Any = None
    kind: str = ""
    """Which of a metric's kinds of data it is: "gauge", "sum" …"""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the requests of one signal are built: resources hold scopes, and these hold records."""

    resources: str
    scopes: str
    records: str
    request: type[Message]
    """The real class, which says whether a request is valid."""
    view: Any
    """For reading records."""
    parts: Any
    """For counting and cutting."""

    def groups(self, message: Any) -> Iterator[Group]:
        """The groups of a request, in any of its three classes."""
        for at, outer in enumerate(getattr(message, self.resources)):
            for within, inner in enumerate(getattr(outer, self.scopes)):
                records = getattr(inner, self.records)
                if self.records != "metrics":
                    yield Group((at, within, 0), outer, inner, records)
                    continue
                for number, metric in enumerate(records):
                    if (kind := metric.WhichOneof("data")) is not None:
                        points = getattr(metric, kind).data_points
                        yield Group((at, within, number), outer, inner, points, metric, kind)


@cache
def shape_of(signal: Signal) -> Shape:
    """Made at first use: most functions see one signal or two."""
    return _SHAPES[signal]()


def _logs() -> Shape:
    shared = {("ResourceLogs", "resource"), ("ScopeLogs", "scope")}
    return Shape(
        "resource_logs",
        "scope_logs",
        "log_records",
        ExportLogsServiceRequest,
        _view(logs_pb2.DESCRIPTOR, "LogsData", {*shared, ("LogRecord", "attributes")}),
        _view(logs_pb2.DESCRIPTOR, "LogsData", {*shared, ("ScopeLogs", "log_records")}),
    )


def _traces() -> Shape:
    shared = {("ResourceSpans", "resource"), ("ScopeSpans", "scope")}
    return Shape(
        "resource_spans",
        "scope_spans",
        "spans",
        ExportTraceServiceRequest,
        _view(trace_pb2.DESCRIPTOR, "TracesData", {*shared, ("Span", "attributes")}),
        _view(trace_pb2.DESCRIPTOR, "TracesData", {*shared, ("ScopeSpans", "spans")}),
    )


def _metrics() -> Shape:
    shared = {("ResourceMetrics", "resource"), ("ScopeMetrics", "scope")}
    points = ("NumberDataPoint", "HistogramDataPoint", "ExponentialHistogramDataPoint", "SummaryDataPoint")
    data = ("Gauge", "Sum", "Histogram", "ExponentialHistogram", "Summary")
    return Shape(
        "resource_metrics",
        "scope_metrics",
        "metrics",
        ExportMetricsServiceRequest,
        _view(metrics_pb2.DESCRIPTOR, "MetricsData", {*shared, *((each, "attributes") for each in points)}),
        _view(metrics_pb2.DESCRIPTOR, "MetricsData", {*shared, *((each, "data_points") for each in data)}),
    )


_SHAPES = {"logs": _logs, "traces": _traces, "metrics": _metrics}


def _view(file: FileDescriptor, message: str, left_as_bytes: Fields) -> Any:
    """The class `message` of `file`, which looks on the wire as the Export request does, with some fields as bytes."""
    pool = DescriptorPool()  # not the usual one: the names are those of the real messages
    for dependency in file.dependencies:
        _add(pool, dependency)
    changed = FileDescriptorProto.FromString(file.serialized_pb)
    for each in changed.message_type:
        for field in each.field:
            if (each.name, field.name) in left_as_bytes:
                field.type, field.label = field.TYPE_BYTES, field.LABEL_REPEATED
                field.ClearField("type_name")
    pool.Add(changed)
    return GetMessageClass(pool.FindMessageTypeByName(f"{changed.package}.{message}"))


def _add(pool: DescriptorPool, file: FileDescriptor) -> None:
    for dependency in file.dependencies:
        _add(pool, dependency)
    pool.AddSerializedFile(file.serialized_pb)
