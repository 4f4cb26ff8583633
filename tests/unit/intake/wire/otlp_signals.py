"""Whole OTLP requests of all three signals, as hypothesis strategies."""

from hypothesis import strategies as st
from opentelemetry.proto.logs.v1 import logs_pb2 as logs
from opentelemetry.proto.metrics.v1 import metrics_pb2 as metrics
from opentelemetry.proto.trace.v1 import trace_pb2 as traces

from headrace.intake.wire.otlp import Signal
from tests.unit.intake.wire.otlp_requests import (
    REQUESTS,
    any_value,
    attributes,
    doubles,
    int32,
    int64,
    message,
    moments,
    plain_values,
    resources,
    scopes,
    several,
    span_ids,
    text,
    trace_ids,
    uint32,
    uint64,
)

_log = message(
    logs.LogRecord,
    time_unix_nano=moments,
    observed_time_unix_nano=moments,
    severity_number=st.integers(0, 30),
    severity_text=text,
    body=plain_values.map(any_value),
    attributes=attributes,
    flags=uint32,
    trace_id=trace_ids,
    span_id=span_ids,
    event_name=text,
)
_scope_logs = message(logs.ScopeLogs, scope=scopes, log_records=several(_log, 3, at_least=1), schema_url=text)
_resource_logs = message(
    logs.ResourceLogs, resource=resources, scope_logs=several(_scope_logs, at_least=1), schema_url=text
)

_event = message(traces.Span.Event, time_unix_nano=moments, name=text, attributes=attributes)
_link = message(
    traces.Span.Link, trace_id=trace_ids, span_id=span_ids, trace_state=text, attributes=attributes, flags=uint32
)
_bare_span = message(
    traces.Span,
    parent_span_id=span_ids,
    trace_state=text,
    flags=uint32,
    name=text,
    kind=st.integers(0, 9),
    start_time_unix_nano=moments,
    end_time_unix_nano=moments,
    attributes=attributes,
    events=several(_event),
    links=several(_link),
    status=message(traces.Status, message=text, code=st.integers(0, 5)),
)


def _with_ids(span: traces.Span, trace_id: bytes, span_id: bytes) -> traces.Span:
    span.trace_id, span.span_id = trace_id, span_id
    return span


_span = st.builds(_with_ids, _bare_span, trace_ids, span_ids)
_scope_spans = message(traces.ScopeSpans, scope=scopes, spans=several(_span, 3, at_least=1))
_resource_spans = message(traces.ResourceSpans, resource=resources, scope_spans=several(_scope_spans, at_least=1))

_number = st.fixed_dictionaries({"as_int": int64}) | st.fixed_dictionaries({"as_double": doubles}) | st.just({})
_exemplar = st.builds(
    lambda number, rest: metrics.Exemplar(**number, **rest),
    _number,
    st.fixed_dictionaries(
        {"time_unix_nano": moments, "trace_id": trace_ids, "span_id": span_ids, "filtered_attributes": attributes}
    ),
)
_common = {"attributes": attributes, "time_unix_nano": moments, "start_time_unix_nano": moments, "flags": uint32}
_point = st.builds(
    lambda number, rest: metrics.NumberDataPoint(**number, **rest),
    _number,
    st.fixed_dictionaries({}, optional={**_common, "exemplars": several(_exemplar)}),
)
_histogram = message(
    metrics.HistogramDataPoint,
    **_common,
    count=uint64,
    sum=doubles,
    min=doubles,
    max=doubles,
    bucket_counts=several(uint64, 4),
    explicit_bounds=several(doubles, 4),
    exemplars=several(_exemplar),
)
_buckets = message(metrics.ExponentialHistogramDataPoint.Buckets, offset=int32, bucket_counts=several(uint64, 4))
_exponential = message(
    metrics.ExponentialHistogramDataPoint,
    **_common,
    count=uint64,
    sum=doubles,
    scale=int32,
    zero_count=uint64,
    positive=_buckets,
    negative=_buckets,
    min=doubles,
    max=doubles,
    zero_threshold=doubles,
)
_quantile = message(metrics.SummaryDataPoint.ValueAtQuantile, quantile=doubles, value=doubles)
_summary = message(metrics.SummaryDataPoint, **_common, count=uint64, sum=doubles, quantile_values=several(_quantile))
_temporality = st.integers(0, 4)
_data = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"gauge": message(metrics.Gauge, data_points=several(_point, at_least=1))}),
    st.fixed_dictionaries(
        {
            "sum": message(
                metrics.Sum,
                data_points=several(_point, at_least=1),
                aggregation_temporality=_temporality,
                is_monotonic=st.booleans(),
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "histogram": message(
                metrics.Histogram, data_points=several(_histogram, at_least=1), aggregation_temporality=_temporality
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "exponential_histogram": message(
                metrics.ExponentialHistogram,
                data_points=several(_exponential, at_least=1),
                aggregation_temporality=_temporality,
            )
        }
    ),
    st.fixed_dictionaries({"summary": message(metrics.Summary, data_points=several(_summary, at_least=1))}),
)
_metric = st.builds(
    lambda data, rest: metrics.Metric(**data, **rest),
    _data,
    st.fixed_dictionaries({}, optional={"name": text, "description": text, "unit": text}),
)
_scope_metrics = message(metrics.ScopeMetrics, scope=scopes, metrics=several(_metric, 3, at_least=1))
_resource_metrics = message(
    metrics.ResourceMetrics, resource=resources, scope_metrics=several(_scope_metrics, at_least=1)
)

requests: dict[Signal, st.SearchStrategy] = {
    "logs": several(_resource_logs, at_least=1).map(lambda each: REQUESTS["logs"](resource_logs=each)),
    "traces": several(_resource_spans, at_least=1).map(lambda each: REQUESTS["traces"](resource_spans=each)),
    "metrics": several(_resource_metrics, at_least=1).map(lambda each: REQUESTS["metrics"](resource_metrics=each)),
}
