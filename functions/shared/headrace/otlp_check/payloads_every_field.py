"""Records that use the whole schema: every field, every kind of attribute value, every kind of metric."""

import secrets
import time
from typing import Any

_BEYOND_DOUBLE = 2**53 + 1
"""A 64-bit integer that no JSON number of JavaScript holds."""


def fill_log(record: Any) -> None:
    """What a log record can carry beyond the usual."""
    record.observed_time_unix_nano, record.flags = record.time_unix_nano, 1
    record.event_name, record.dropped_attributes_count = "otlp.check", 1
    _set_values(record.attributes)
    body = record.body.kvlist_value.values.add(key="nested").value.array_value.values.add()
    body.kvlist_value.values.add(key="deep").value.int_value = -_BEYOND_DOUBLE


def fill_span(span: Any) -> None:
    """What a span can carry beyond the usual."""
    span.parent_span_id, span.trace_state, span.flags = secrets.token_bytes(8), "check=1", 257
    span.status.code, span.status.message = 2, "for the check"
    span.dropped_attributes_count = span.dropped_events_count = span.dropped_links_count = 1
    _set_values(span.attributes)
    event = span.events.add(time_unix_nano=span.end_time_unix_nano, name="exception", dropped_attributes_count=1)
    _set_values(event.attributes)
    link = span.links.add(trace_id=secrets.token_bytes(16), span_id=secrets.token_bytes(8), flags=257)
    link.trace_state, link.dropped_attributes_count = "check=2", 1
    _set_values(link.attributes)


def fill_metrics(scope: Any) -> None:
    """One metric of each of the five kinds, each with the fields that its points have."""
    gauge = scope.metrics.add(name="otlp.check.gauge", description="for the check", unit="By").gauge
    _at(gauge.data_points.add(as_double=0.5))
    total = scope.metrics.add(name="otlp.check.sum", unit="1").sum
    total.aggregation_temporality, total.is_monotonic = 2, True
    _exemplify(_at(total.data_points.add(as_int=_BEYOND_DOUBLE)))
    _fill_histograms(scope)
    summary = scope.metrics.add(name="otlp.check.summary").summary
    point = _at(summary.data_points.add(count=3, sum=1.5))
    point.quantile_values.add(quantile=0.5, value=0.25)


def _fill_histograms(scope: Any) -> None:
    plain = scope.metrics.add(name="otlp.check.histogram", unit="s").histogram
    plain.aggregation_temporality = 1
    bounds = {"bucket_counts": [1, 2], "explicit_bounds": [0.5]}
    _exemplify(_at(plain.data_points.add(count=3, sum=1.5, min=0.1, max=1.0, **bounds)))
    exponential = scope.metrics.add(name="otlp.check.exponential", unit="s").exponential_histogram
    exponential.aggregation_temporality = 2
    point = _at(exponential.data_points.add(count=4, sum=1.5, scale=-1, zero_count=1, zero_threshold=0.001))
    point.positive.offset, point.negative.offset = -2, 3
    point.positive.bucket_counts.extend([1, 1])
    point.negative.bucket_counts.append(1)
    _exemplify(point)


def _at(point: Any) -> Any:
    point.time_unix_nano = time.time_ns()
    point.start_time_unix_nano = point.time_unix_nano - 1_000_000_000
    point.flags = 0
    _set_values(point.attributes)
    return point


def _exemplify(point: Any) -> None:
    exemplar = point.exemplars.add(time_unix_nano=point.time_unix_nano, as_double=0.25)
    exemplar.trace_id, exemplar.span_id = secrets.token_bytes(16), secrets.token_bytes(8)
    _set_values(exemplar.filtered_attributes)


def _set_values(attributes: Any) -> None:
    """An attribute of each kind of value, the one without a value and nested ones too."""
    attributes.add(key="check.string").value.string_value = "ünïcode ✓ \U0001f600"
    attributes.add(key="check.bool").value.bool_value = False
    attributes.add(key="check.int").value.int_value = _BEYOND_DOUBLE
    attributes.add(key="check.double").value.double_value = -1.5e300
    attributes.add(key="check.bytes").value.bytes_value = b"\x00\xfb\xff\xfe"
    attributes.add(key="check.none").value.SetInParent()
    array = attributes.add(key="check.array").value.array_value
    array.values.add().string_value = ""
    array.values.add().array_value.SetInParent()
    attributes.add(key="check.map").value.kvlist_value.values.add(key="inner").value.bool_value = True
