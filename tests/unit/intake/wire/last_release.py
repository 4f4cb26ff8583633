"""Flat records as the release before schema version 2 made them, from protobuf's own messages, one by one.

Kept as the other opinion: whatever is read from the wire now has to come to the same, to the letter.
"""

from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

import orjson

from headrace.intake.wire.otlp_json import NOT_HEX
from headrace.ports.records import Record
from headrace.times import timestamp

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8
_NO_TRACE, _NO_SPAN = bytes(TRACE_ID_BYTES), bytes(SPAN_ID_BYTES)


@dataclass(slots=True)
class Flattened:
    """Flat records, ready for `orjson.dumps` only (they hold fragments), and why others were refused."""

    records: list[Record] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def reason(self) -> str:
        """The refusals in one line for a person, with counts; "" when there are none."""
        return "; ".join(f"{count} refused: {why}" for why, count in self.refused.items())


class BadId(ValueError):
    """A trace or span id of the wrong length; the record is refused, its neighbours are not."""


def flatten_logs(request: Any, received: int) -> Flattened:
    out = Flattened()
    for resource_logs in request.resource_logs:
        resource = resource_fragment(resource_logs.resource)
        for scope_logs in resource_logs.scope_logs:
            scope = scope_fragment(scope_logs.scope)
            for log in scope_logs.log_records:
                try:
                    out.records.append(_flat_log(log, attributes(log.attributes), resource, scope, received))
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


_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES = ("UNSET", "OK", "ERROR")


def flatten_spans(request: Any, received_unix_nano: int) -> Flattened:
    """Flat spans (`"signal": "span"`) of an ExportTraceServiceRequest."""
    out = Flattened()
    for resource_spans in request.resource_spans:
        resource = resource_fragment(resource_spans.resource)
        for scope_spans in resource_spans.scope_spans:
            scope = scope_fragment(scope_spans.scope)
            for span in scope_spans.spans:
                try:
                    out.records.append(_flat_span(span, resource, scope, received_unix_nano))
                except BadId as bad:
                    out.refused[str(bad)] += 1
    return out


def _flat_span(span: Any, resource: orjson.Fragment, scope: orjson.Fragment, received: int) -> Record:
    trace_id, span_id = trace_hex(span.trace_id), span_hex(span.span_id)
    if not trace_id or not span_id:
        raise BadId("a span without a trace id or span id")
    start = span.start_time_unix_nano or received
    record: Record = {
        "signal": "span",
        "resourceAttributes": resource,
        "scope": scope,
        "name": span.name,
        "kind": _name(_KINDS, span.kind),
        "attributes": attributes(span.attributes),
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": span_hex(span.parent_span_id),
        "timestamp": timestamp(start),
        "status": _flat_status(span.status),
    }
    if span.end_time_unix_nano:
        record["endTimestamp"] = timestamp(span.end_time_unix_nano)
        record["durationNano"] = max(0, span.end_time_unix_nano - start)
    _add_rare(record, span)
    return record


def _add_rare(record: Record, span: Any) -> None:
    """What most spans do not have appears only when present."""
    if span.events:
        record["events"] = [_flat_event(event) for event in span.events]
    if span.links:
        record["links"] = [_flat_link(link) for link in span.links]
    if span.trace_state:
        record["traceState"] = span.trace_state
    if span.flags:
        record["flags"] = span.flags


def _flat_status(status: Any) -> dict[str, str]:
    flat = {"code": _name(_STATUSES, status.code)}
    if status.message:
        flat["message"] = status.message
    return flat


def _flat_event(event: Any) -> Record:
    return {
        "name": event.name,
        "timestamp": timestamp(event.time_unix_nano),
        "attributes": attributes(event.attributes),
    }


def _flat_link(link: Any) -> Record:
    return {
        "traceId": trace_hex(link.trace_id),
        "spanId": span_hex(link.span_id),
        "attributes": attributes(link.attributes),
    }


def _name(names: tuple[str, ...], number: int) -> str:
    """The name of an enum value; one that a later version of OTLP adds shows as its number."""
    return names[number] if 0 <= number < len(names) else str(number)


_TEMPORALITIES = ("unspecified", "delta", "cumulative")


def flatten_metrics(request: Any, received_unix_nano: int) -> Flattened:
    """Flat metric points (`"signal": "metric"`) of an ExportMetricsServiceRequest."""
    out = Flattened()
    for resource_metrics in request.resource_metrics:
        resource = resource_fragment(resource_metrics.resource)
        for scope_metrics in resource_metrics.scope_metrics:
            scope = scope_fragment(scope_metrics.scope)
            for metric in scope_metrics.metrics:
                _flatten_metric(metric, resource, scope, received_unix_nano, out)
    return out


def _flatten_metric(
    metric: Any, resource: orjson.Fragment, scope: orjson.Fragment, received: int, out: Flattened
) -> None:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    data = getattr(metric, kind)
    shared = _shared(metric, kind, data, resource, scope)
    for point in data.data_points:
        try:
            out.records.append({**shared, **_flat_point(kind, point, received)})
        except BadId as bad:
            out.refused[str(bad)] += 1


def _shared(metric: Any, kind: str, data: Any, resource: orjson.Fragment, scope: orjson.Fragment) -> Record:
    """What all points of one metric have in common."""
    shared: Record = {
        "signal": "metric",
        "resourceAttributes": resource,
        "scope": scope,
        "name": metric.name,
        "description": metric.description,
        "unit": metric.unit,
        "type": "exponentialHistogram" if kind == "exponential_histogram" else kind,
    }
    if kind in ("sum", "histogram", "exponential_histogram"):
        shared["temporality"] = _temporality(data.aggregation_temporality)
    if kind == "sum":
        shared["monotonic"] = data.is_monotonic
    return shared


def _temporality(number: int) -> str:
    return _TEMPORALITIES[number] if 0 <= number < len(_TEMPORALITIES) else str(number)


def _flat_point(kind: str, point: Any, received: int) -> Record:
    flat: Record = {
        "attributes": attributes(point.attributes),
        "timestamp": timestamp(point.time_unix_nano or received),
    }
    if point.start_time_unix_nano:
        flat["startTimestamp"] = timestamp(point.start_time_unix_nano)
    if point.flags:
        flat["flags"] = point.flags
    flat.update(_VALUES[kind](point))
    if kind != "summary" and point.exemplars:
        flat["exemplars"] = [_flat_exemplar(exemplar) for exemplar in point.exemplars]
    return flat


def _number_value(point: Any) -> Record:
    return {"value": _as_number(point)}


def _as_number(point: Any) -> int | float | str | None:
    kind = point.WhichOneof("value")
    if kind is None:
        return None
    return point.as_int if kind == "as_int" else number(point.as_double)


def _histogram_value(point: Any) -> Record:
    return {
        **_distribution(point),
        "bucketCounts": list(point.bucket_counts),
        "explicitBounds": [number(bound) for bound in point.explicit_bounds],
    }


def _exponential_value(point: Any) -> Record:
    return {
        **_distribution(point),
        "scale": point.scale,
        "zeroCount": point.zero_count,
        "zeroThreshold": number(point.zero_threshold),
        "positive": _buckets(point.positive),
        "negative": _buckets(point.negative),
    }


def _distribution(point: Any) -> Record:
    flat: Record = {"count": point.count}
    for name in ("sum", "min", "max"):
        if point.HasField(name):
            flat[name] = number(getattr(point, name))
    return flat


def _buckets(buckets: Any) -> Record:
    return {"offset": buckets.offset, "bucketCounts": list(buckets.bucket_counts)}


def _summary_value(point: Any) -> Record:
    quantiles = [{"quantile": number(q.quantile), "value": number(q.value)} for q in point.quantile_values]
    return {"count": point.count, "sum": number(point.sum), "quantiles": quantiles}


def _flat_exemplar(exemplar: Any) -> Record:
    return {
        "value": _as_number(exemplar),
        "timestamp": timestamp(exemplar.time_unix_nano),
        "attributes": attributes(exemplar.filtered_attributes),
        "traceId": trace_hex(exemplar.trace_id),
        "spanId": span_hex(exemplar.span_id),
    }


_VALUES = {
    "gauge": _number_value,
    "sum": _number_value,
    "histogram": _histogram_value,
    "exponential_histogram": _exponential_value,
    "summary": _summary_value,
}


FLATTEN = {"logs": flatten_logs, "traces": flatten_spans, "metrics": flatten_metrics}
