import math

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as m
from opentelemetry.proto.trace.v1 import trace_pb2 as t

from tests.unit.intake.wire.otlp_requests import RECEIVED, from_protobuf, key_values, records

IDS = {"trace_id": b"\x01" * 16, "span_id": b"\x02" * 8}


def spans(*given):
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(given)
    return from_protobuf("traces", request)


def points(**data):
    request = ExportMetricsServiceRequest()
    metric = m.Metric(name="n", description="d", unit="1", **data)
    request.resource_metrics.add().scope_metrics.add().metrics.append(metric)
    return from_protobuf("metrics", request)


def test_a_whole_span_is_flattened_with_all_that_it_has():
    span = t.Span(
        **IDS,
        parent_span_id=b"\x03" * 8,
        trace_state="a=b",
        flags=257,
        name="GET /",
        kind=t.Span.SPAN_KIND_SERVER,
        start_time_unix_nano=RECEIVED,
        end_time_unix_nano=RECEIVED + 1500,
        attributes=key_values({"http.status": 500}),
        events=[t.Span.Event(time_unix_nano=RECEIVED + 1, name="exception", attributes=key_values({"x": "y"}))],
        links=[t.Span.Link(trace_id=b"\x04" * 16, span_id=b"\x05" * 8, attributes=key_values({"l": 1}))],
        status=t.Status(code=t.Status.STATUS_CODE_ERROR, message="boom"),
    )
    assert records(spans(span)) == [
        {
            "signal": "span",
            "resourceAttributes": {},
            "scope": {"name": ""},
            "name": "GET /",
            "kind": "SERVER",
            "attributes": {"http.status": 500},
            "traceId": "01" * 16,
            "spanId": "02" * 8,
            "parentSpanId": "03" * 8,
            "timestamp": "2024-01-15T10:30:00Z",
            "endTimestamp": "2024-01-15T10:30:00.0000015Z",
            "durationNano": 1500,
            "status": {"code": "ERROR", "message": "boom"},
            "traceState": "a=b",
            "flags": 257,
            "events": [{"name": "exception", "timestamp": "2024-01-15T10:30:00.000000001Z", "attributes": {"x": "y"}}],
            "links": [{"traceId": "04" * 16, "spanId": "05" * 8, "attributes": {"l": 1}}],
        }
    ]


def test_what_a_span_does_not_have_is_left_out():
    (record,) = records(spans(t.Span(**IDS)))
    assert record.keys().isdisjoint({"endTimestamp", "durationNano", "events", "links", "traceState", "flags"})
    assert (record["parentSpanId"], record["kind"], record["status"]) == ("", "UNSPECIFIED", {"code": "UNSET"})
    assert record["timestamp"] == "2024-01-15T10:30:00Z"


@pytest.mark.parametrize(("start", "end"), [(2**64 - 1, 1), (RECEIVED + 1, RECEIVED)])
def test_a_span_that_ends_before_it_starts_lasted_no_time(start, end):
    (record,) = records(spans(t.Span(**IDS, start_time_unix_nano=start, end_time_unix_nano=end)))
    assert record["durationNano"] == 0


def test_enum_values_of_a_later_version_show_as_numbers():
    (record,) = records(spans(t.Span(**IDS, kind=9, status=t.Status(code=7))))
    assert (record["kind"], record["status"]["code"]) == ("9", "7")


@pytest.mark.parametrize(
    "bad",
    [
        {"trace_id": b""},
        {"span_id": b""},
        {"trace_id": bytes(16)},
        {"span_id": bytes(8)},
        {"trace_id": b"short"},
        {"parent_span_id": b"short"},
        {"links": [t.Span.Link(trace_id=b"short")]},
    ],
)
def test_a_span_with_a_bad_id_is_refused_and_its_neighbours_are_not(bad):
    found = spans(t.Span(**IDS, name="good"), t.Span(**{**IDS, **bad}))
    assert [record["name"] for record in records(found)] == ["good"]
    assert found.refused.total() == 1


POINT = {"time_unix_nano": RECEIVED, "start_time_unix_nano": RECEIVED - 10**9, "attributes": key_values({"k": "v"})}
SHARED = {
    "signal": "metric",
    "resourceAttributes": {},
    "scope": {"name": ""},
    "name": "n",
    "description": "d",
    "unit": "1",
    "attributes": {"k": "v"},
    "timestamp": "2024-01-15T10:30:00Z",
    "startTimestamp": "2024-01-15T10:29:59Z",
}


def test_gauges_and_sums_carry_exact_integers_and_doubles():
    numbers = [m.NumberDataPoint(**POINT, as_int=2**63 - 1), m.NumberDataPoint(**POINT, as_double=1.5)]
    assert records(points(gauge=m.Gauge(data_points=numbers))) == [
        {**SHARED, "type": "gauge", "value": 2**63 - 1},
        {**SHARED, "type": "gauge", "value": 1.5},
    ]
    total = m.Sum(data_points=numbers[:1], aggregation_temporality=2, is_monotonic=True)
    assert records(points(sum=total)) == [
        {**SHARED, "type": "sum", "temporality": "cumulative", "monotonic": True, "value": 2**63 - 1}
    ]


def test_a_point_without_a_value_says_null_and_one_without_a_number_says_so_in_words():
    numbers = [m.NumberDataPoint(), m.NumberDataPoint(as_double=math.nan), m.NumberDataPoint(as_double=-math.inf)]
    values = [record["value"] for record in records(points(gauge=m.Gauge(data_points=numbers)))]
    assert values == [None, "NaN", "-Infinity"]


def test_a_histogram_has_its_buckets_and_only_the_extremes_that_it_knows():
    point = m.HistogramDataPoint(**POINT, count=2**64 - 1, sum=0.0, bucket_counts=[1, 2], explicit_bounds=[0.5])
    assert records(points(histogram=m.Histogram(data_points=[point], aggregation_temporality=1))) == [
        {
            **SHARED,
            "type": "histogram",
            "temporality": "delta",
            "count": 2**64 - 1,
            "sum": 0.0,
            "bucketCounts": [1, 2],
            "explicitBounds": [0.5],
        }
    ]


def test_an_exponential_histogram_has_scale_and_both_sides():
    side = m.ExponentialHistogramDataPoint.Buckets(offset=-3, bucket_counts=[4, 5])
    point = m.ExponentialHistogramDataPoint(**POINT, count=9, scale=-1, zero_count=7, positive=side, min=1, max=2)
    (record,) = records(points(exponential_histogram=m.ExponentialHistogram(data_points=[point])))
    assert record == {
        **SHARED,
        "type": "exponentialHistogram",
        "temporality": "unspecified",
        "count": 9,
        "min": 1.0,
        "max": 2.0,
        "scale": -1,
        "zeroCount": 7,
        "zeroThreshold": 0.0,
        "positive": {"offset": -3, "bucketCounts": [4, 5]},
        "negative": {"offset": 0, "bucketCounts": []},
    }


def test_a_summary_has_its_quantiles():
    quantile = m.SummaryDataPoint.ValueAtQuantile(quantile=0.99, value=12.5)
    point = m.SummaryDataPoint(**POINT, count=3, sum=6.0, quantile_values=[quantile])
    assert records(points(summary=m.Summary(data_points=[point]))) == [
        {**SHARED, "type": "summary", "count": 3, "sum": 6.0, "quantiles": [{"quantile": 0.99, "value": 12.5}]}
    ]


def test_exemplars_point_at_their_spans():
    exemplar = m.Exemplar(as_int=5, time_unix_nano=RECEIVED, **IDS, filtered_attributes=key_values({"f": 1}))
    (record,) = records(points(gauge=m.Gauge(data_points=[m.NumberDataPoint(as_int=1, exemplars=[exemplar], flags=1)])))
    assert record["flags"] == 1
    assert record["exemplars"] == [
        {
            "value": 5,
            "timestamp": "2024-01-15T10:30:00Z",
            "attributes": {"f": 1},
            "traceId": "01" * 16,
            "spanId": "02" * 8,
        }
    ]


def test_a_point_with_a_bad_exemplar_is_refused_and_its_neighbours_are_not():
    bad = m.NumberDataPoint(as_int=1, exemplars=[m.Exemplar(trace_id=b"short")])
    found = points(gauge=m.Gauge(data_points=[bad, m.NumberDataPoint(as_int=2)]))
    assert [record["value"] for record in records(found)] == [2]
    assert found.refused.total() == 1


def test_a_metric_without_data_is_no_point():
    assert records(points()) == []
