"""OTLP requests for tests: made by hypothesis, from plain Python values, and as JSON by Google's own converter."""

import base64
import json
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from headrace.ports.records import Signal
from tests.otlp_records import Flattened, decode_request

RECEIVED = 1_705_314_600_000_000_000
"""2024-01-15T10:30:00Z"""

REQUESTS = {
    "logs": ExportLogsServiceRequest,
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
_IDS = ("traceId", "spanId", "parentSpanId")


def records(found: Flattened) -> list[Any]:
    """The flat records as whoever reads them gets them."""
    return orjson.loads(orjson.dumps(found.records))


def from_protobuf(signal: Signal, request: Any) -> Flattened:
    return decode_request(signal, "protobuf", request.SerializeToString(), RECEIVED)


def from_json(signal: Signal, tree: Any) -> Flattened:
    return decode_request(signal, "json", json.dumps(tree).encode(), RECEIVED)


def as_otlp_json(request: Any) -> Any:
    """By protobuf's own mapping, with the ids as OTLP wants them."""
    return _with_hex_ids(MessageToDict(request, use_integers_for_enums=True))


def _with_hex_ids(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_with_hex_ids(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    return {
        name: base64.b64decode(value).hex() if name in _IDS else _with_hex_ids(value) for name, value in tree.items()
    }


# --- from plain values ----------------------------------------------------------------------------------------


def any_value(value: Any) -> AnyValue:
    """What an exporter makes of a Python value."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value={"values": [any_value(each) for each in value]})
    return AnyValue(kvlist_value={"values": key_values(value)})


def key_values(pairs: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in pairs.items()]


# --- by hypothesis --------------------------------------------------------------------------------------------

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
uint64 = st.sampled_from([0, 1, 2**53 + 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
int64 = st.sampled_from([0, -1, 2**53 + 1, 2**63 - 1, -(2**63)]) | st.integers(-(2**63), 2**63 - 1)
int32 = st.integers(-(2**31), 2**31 - 1)
uint32 = st.integers(0, 2**32 - 1)
doubles = st.floats()
moments = st.sampled_from([0, 1, RECEIVED, RECEIVED + 1]) | uint64
good_trace_ids = st.binary(min_size=16, max_size=16).map(lambda each: b"\x01" + each[1:])
good_span_ids = st.binary(min_size=8, max_size=8).map(lambda each: b"\x01" + each[1:])
_rarely = st.integers(0, 9).map(lambda drawn: drawn == 7)
trace_ids = _rarely.flatmap(lambda bad: st.sampled_from([b"", bytes(16), b"short"]) if bad else good_trace_ids)
span_ids = _rarely.flatmap(lambda bad: st.sampled_from([b"", bytes(8), b"much too long"]) if bad else good_span_ids)

plain_values = st.recursive(
    st.none() | st.booleans() | int64 | doubles | text | st.binary(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
attributes = st.dictionaries(text, plain_values, max_size=3).map(key_values)


def message(kind: Any, /, **fields: Any) -> Any:
    """Messages in which each field is sometimes left out."""
    return st.fixed_dictionaries({}, optional=fields).map(lambda given: kind(**given))


def several(strategy: Any, at_most: int = 2, at_least: int = 0) -> Any:
    return st.lists(strategy, min_size=at_least, max_size=at_most)


resources = message(Resource, attributes=attributes, dropped_attributes_count=uint32)
scopes = message(InstrumentationScope, name=text, version=text, attributes=attributes)
