"""Protobuf metrics into flat records, one per data point, in the spirit of the flat log record.

Source: https://github.com/open-telemetry/opentelemetry-proto (metrics v1)
"""

from typing import Any

import orjson

from headrace.intake.wire.otlp_flatten import (
    BadId,
    Flattened,
    attributes,
    number,
    resource_fragment,
    scope_fragment,
    span_hex,
    trace_hex,
)
from headrace.ports.records import Record
from headrace.times import timestamp

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
    out.reserve(1 + len(data.data_points), resource, scope, metric.name, metric.description, metric.unit)
    for point in data.data_points:
        out.reserve(len(point.quantile_values) if kind == "summary" else len(point.exemplars))
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
