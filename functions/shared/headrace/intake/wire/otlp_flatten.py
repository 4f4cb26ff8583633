"""Protobuf log records into flat records, and what all three signals share: values, ids, resources.

Written for speed: this is the hot path of the receiver. What many records share (resource, scope) becomes
JSON once, as an `orjson.Fragment`; a string value, the usual case, takes the shortest way.
Source: https://github.com/open-telemetry/opentelemetry-proto (common, resource and logs v1)
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

import orjson

from headrace.errors import TooLarge
from headrace.intake.wire.otlp_json import NOT_HEX
from headrace.ports.records import Record
from headrace.times import timestamp

FLAT_LIMIT_BYTES = 128 * 1024 * 1024
"""Of all records of a request, as `Flattened.reserve` counts them."""
_RECORD_BYTES = 400
"""What a flat record, or a part of one that is an object, takes in memory at the least; on the wire it may be two."""

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8
_NO_TRACE, _NO_SPAN = bytes(TRACE_ID_BYTES), bytes(SPAN_ID_BYTES)


@dataclass(slots=True)
class Flattened:
    """Flat records, ready for `orjson.dumps` only (they hold fragments), and why others were refused."""

    records: list[Record] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    reserved_bytes: int = 0

    def reserve(self, objects: int, *shared: orjson.Fragment | str) -> None:
        """Make room for `objects` that each repeat `shared`. Call it before they are made.

        A request of 2 MB may hold a million empty records, or one large resource with thousands of them; the limit on
        its body says nothing of what it comes to.

        Raises:
            TooLarge: over FLAT_LIMIT_BYTES in all.
        """
        self.reserved_bytes += objects * (_RECORD_BYTES + sum(len(orjson.dumps(each)) for each in shared))
        if self.reserved_bytes > FLAT_LIMIT_BYTES:
            raise TooLarge("what the records come to, each with its resource,", limit_bytes=FLAT_LIMIT_BYTES)

    def reason(self) -> str:
        """The refusals in one line for a person, with counts; "" when there are none."""
        return "; ".join(f"{count} refused: {why}" for why, count in self.refused.items())


class BadId(ValueError):
    """A trace or span id of the wrong length; the record is refused, its neighbours are not."""


def flatten_logs(request: Any, received_unix_nano: int) -> Flattened:
    """Flat log records of an ExportLogsServiceRequest; contract section 1."""
    return walk_logs(request, received_unix_nano, attributes, resource_fragment, scope_fragment)


def walk_logs(
    request: Any,
    received_unix_nano: int,
    flat_attributes: Callable[[Any], dict[str, Any]],
    flat_resource: Callable[[Any], orjson.Fragment],
    flat_scope: Callable[[Any], orjson.Fragment],
) -> Flattened:
    """`flatten_logs`, with ways of its own for the parts that `otlp_logs_wire` holds in another form."""
    out = Flattened()
    for resource_logs in request.resource_logs:
        resource = flat_resource(resource_logs.resource)
        for scope_logs in resource_logs.scope_logs:
            scope = flat_scope(scope_logs.scope)
            out.reserve(1 + len(scope_logs.log_records), resource, scope)
            for log in list(scope_logs.log_records):  # a list for the reason given at `attributes`
                try:
                    flat = flat_attributes(log.attributes)
                    out.records.append(_flat_log(log, flat, resource, scope, received_unix_nano))
                except BadId as bad:
                    out.refused[str(bad)] += 1
    return out


def _flat_log(
    log: Any, flat_attributes: dict[str, Any], resource: orjson.Fragment, scope: orjson.Fragment, received: int
) -> Record:
    trace_id, span_id, observed = log.trace_id, log.span_id, log.observed_time_unix_nano
    record: Record = {
        "resourceAttributes": resource,
        "scope": scope,
        "severityNumber": log.severity_number,
        "severityText": log.severity_text,
        "body": log.body.string_value or value(log.body),
        "attributes": flat_attributes,
        "traceId": trace_id.hex() if len(trace_id) == 16 and trace_id != _NO_TRACE else trace_hex(trace_id),
        "spanId": span_id.hex() if len(span_id) == 8 and span_id != _NO_SPAN else span_hex(span_id),
        "timestamp": timestamp(log.time_unix_nano or observed or received),
    }
    if observed:
        record["observedTimestamp"] = timestamp(observed)
    if log.flags:
        record["flags"] = log.flags
    if log.event_name:
        record["eventName"] = log.event_name
    return record


def attributes(pairs: Any) -> dict[str, Any]:
    """Attributes as a JSON object; of two with one key the last one wins."""
    flat: dict[str, Any] = {}
    for pair in list(pairs):  # a list first: stepping through protobuf's own container is slower
        any_value = pair.value
        flat[pair.key] = any_value.string_value or value(any_value)
    return flat


def value(any_value: Any) -> Any:
    """An AnyValue as JSON: numbers, booleans, arrays and maps as they are, bytes as base64, unset as null."""
    kind = any_value.WhichOneof("value")
    if kind == "int_value":
        return any_value.int_value
    if kind is None:
        return None
    plain = getattr(any_value, kind)
    if kind == "double_value":
        return number(plain)
    if kind == "array_value":
        return [value(each) for each in plain.values]
    if kind == "kvlist_value":
        return attributes(plain.values)
    return b64encode(plain).decode() if kind == "bytes_value" else plain


def number(double: float) -> float | str:
    """JSON has no NaN and no infinities: these become the strings that OTLP/JSON uses for them."""
    if isfinite(double):
        return double
    return "NaN" if double != double else "Infinity" if double == inf else "-Infinity"


def trace_hex(trace_id: bytes) -> str:
    """32 hex digits, or "" for an absent (empty or all-zero) id. Raises BadId."""
    return _hex(trace_id, TRACE_ID_BYTES, "trace id")


def span_hex(span_id: bytes) -> str:
    """16 hex digits, or "" for an absent (empty or all-zero) id. Raises BadId."""
    return _hex(span_id, SPAN_ID_BYTES, "span id")


def _hex(raw: bytes, length: int, what: str) -> str:
    if raw == NOT_HEX:
        raise BadId(f"{what} that is not hex, {2 * length} digits are needed")
    if len(raw) not in (0, length):
        raise BadId(f"{what} of {len(raw)} bytes, {length} are needed")
    return raw.hex() if any(raw) else ""


def resource_fragment(resource: Any) -> orjson.Fragment:
    """The resource's attributes, as JSON made once for all of its records."""
    return orjson.Fragment(orjson.dumps(attributes(resource.attributes)))


def scope_fragment(scope: Any) -> orjson.Fragment:
    """The instrumentation scope, as JSON made once for all of its records."""
    flat: dict[str, Any] = {"name": scope.name}
    if scope.version:
        flat["version"] = scope.version
    if scope.attributes:
        flat["attributes"] = attributes(scope.attributes)
    return orjson.Fragment(orjson.dumps(flat))
