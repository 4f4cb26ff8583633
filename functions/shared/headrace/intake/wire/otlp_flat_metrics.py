"""Metric points, still on the wire, as flat records, in the spirit of the flat log record.

Source: https://github.com/open-telemetry/opentelemetry-proto (metrics v1)
"""

from typing import Any

from headrace.intake.wire.otlp_values import attributes, decoded_attributes, hex_id, number
from headrace.ports.records import Record
from headrace.times import timestamp

_TEMPORALITIES = ("unspecified", "delta", "cumulative")


def shared_of_points(metric: Any, kind: str) -> Record:
    """What all points of one metric have in common beside resource and scope."""
    data = getattr(metric, kind)
    shared: Record = {
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


def flat_point(kind: str, point: Any, received_unix_nano: int) -> Record:
    """What a point adds to what it shares with the others of its metric."""
    flat: Record = {
        "attributes": attributes(point.attributes),
        "timestamp": timestamp(point.time_unix_nano or received_unix_nano),
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
        "attributes": decoded_attributes(exemplar.filtered_attributes),
        "traceId": hex_id(exemplar.trace_id),
        "spanId": hex_id(exemplar.span_id),
    }


_VALUES = {
    "gauge": _number_value,
    "sum": _number_value,
    "histogram": _histogram_value,
    "exponential_histogram": _exponential_value,
    "summary": _summary_value,
}
