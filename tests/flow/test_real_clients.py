"""What OpenTelemetry's own exporters send arrives at the agent as the contract's flat records."""

from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from tests.fakes.http import HttpStandIn
from tests.flow.deployment import Deployment
from tests.flow.process import Runtime

RESOURCE = {"service.name": "payment-service", "host.cpus": 8}
TENTH_NANO = 1705314600100000000
TENTH = "2024-01-15T10:30:00.1Z"
TRACE_ID, SPAN_ID = 0x5B8EFFF798038103D269B633813FC60C, 0xEEE19B7EC3C1B174
NEVER_MILLIS = 3_600_000

ATTRIBUTES = {"error.type": "ConnectionError", "tries": 3, "ratio": 0.5, "fatal": False, "hosts": ["a", "b"]}
_LOG = {
    "resourceAttributes": RESOURCE,
    "scope": {"name": "my-library", "version": "1.2.3"},
    "traceId": "",
    "spanId": "",
    "timestamp": TENTH,
}
FLAT_LOGS = [
    {
        **_LOG,
        "severityNumber": 17,
        "severityText": "ERROR",
        "body": "Connection refused",
        "attributes": ATTRIBUTES,
        "observedTimestamp": "2024-01-15T10:30:00.100000005Z",
        "eventName": "db.error",
    },
    {
        **_LOG,
        "severityNumber": 0,
        "severityText": "",
        "body": {"nested": [1, {"deep": "AP8="}]},
        "attributes": {},
        "observedTimestamp": TENTH,
    },
]

_POINT = {
    "signal": "metric",
    "resourceAttributes": RESOURCE,
    "scope": {"name": "my-library"},
    "description": "",
    "unit": "",
    "attributes": {},
}
_SUM = {**_POINT, "type": "sum", "temporality": "cumulative"}
FLAT_POINTS = {
    "orders": {
        **_SUM,
        "name": "orders",
        "unit": "1",
        "description": "how many",
        "monotonic": True,
        "attributes": {"shop": "north"},
        "value": 3,
    },
    "queue": {**_SUM, "name": "queue", "monotonic": False, "value": -2},
    "load": {**_POINT, "name": "load", "type": "gauge", "value": 0.25},
    "latency": {
        **_POINT,
        "name": "latency",
        "unit": "ms",
        "type": "histogram",
        "temporality": "cumulative",
        "count": 1,
        "sum": 7,
        "min": 7,
        "max": 7,
        "bucketCounts": [0, 1, 0],
        "explicitBounds": [1, 10],
    },
}

pytestmark = pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip], ids=str)


@pytest.fixture
def runtime(deployment: Deployment, agent: HttpStandIn) -> Runtime:
    deployment.pipeline(agent.url, signals=["logs", "traces", "metrics"], batch_size=1000)
    return deployment.start()


@pytest.fixture
def sending(deployment: Deployment, runtime: Runtime, compression: Compression) -> Any:
    """The arguments of an exporter for one signal."""
    return lambda signal: {
        "endpoint": f"{runtime.url}/v1/{signal}",
        "headers": {"X-API-Key": deployment.key},
        "compression": compression,
    }


def test_log_records_of_the_sdk_arrive_as_flat_records(sending: Any, agent: HttpStandIn) -> None:
    provider = LoggerProvider(Resource(RESOURCE), shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**sending("logs"))))
    logger = provider.get_logger("my-library", "1.2.3")
    logger.emit(
        LogRecord(
            timestamp=TENTH_NANO,
            observed_timestamp=TENTH_NANO + 5,
            severity_number=SeverityNumber.ERROR,
            severity_text="ERROR",
            body="Connection refused",
            attributes=ATTRIBUTES,
            event_name="db.error",
        )
    )
    logger.emit(LogRecord(observed_timestamp=TENTH_NANO, body={"nested": [1, {"deep": b"\x00\xff"}]}))
    provider.shutdown()
    agent.wait_for(1)
    assert agent.records == FLAT_LOGS


def test_spans_of_the_sdk_arrive_as_flat_records(sending: Any, agent: HttpStandIn) -> None:
    provider = TracerProvider(resource=Resource(RESOURCE), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(**sending("traces"))))
    tracer = provider.get_tracer("my-library")
    linked = SpanContext(TRACE_ID, SPAN_ID, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    parent = tracer.start_span("checkout", None, SpanKind.SERVER, {"cart.items": 3}, [Link(linked)], TENTH_NANO)
    parent.add_event("retry", {"attempt": 2}, timestamp=TENTH_NANO + 1)
    parent.set_status(Status(StatusCode.ERROR, "declined"))
    parent.end(end_time=TENTH_NANO + 250)
    provider.shutdown()
    agent.wait_for(1)
    (span,) = agent.records
    del span["flags"]  # what it says depends on the version of the SDK
    context = parent.get_span_context()
    assert span == {
        "signal": "span",
        "resourceAttributes": RESOURCE,
        "scope": {"name": "my-library"},
        "name": "checkout",
        "kind": "SERVER",
        "attributes": {"cart.items": 3},
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "parentSpanId": "",
        "timestamp": TENTH,
        "endTimestamp": "2024-01-15T10:30:00.10000025Z",
        "durationNano": 250,
        "status": {"code": "ERROR", "message": "declined"},
        "events": [{"name": "retry", "timestamp": "2024-01-15T10:30:00.100000001Z", "attributes": {"attempt": 2}}],
        "links": [{"traceId": f"{TRACE_ID:032x}", "spanId": f"{SPAN_ID:016x}", "attributes": {}}],
    }


def test_metric_points_of_the_sdk_arrive_as_flat_records(sending: Any, agent: HttpStandIn) -> None:
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(**sending("metrics")), NEVER_MILLIS)
    provider = MeterProvider([reader], Resource(RESOURCE), shutdown_on_exit=False)
    meter = provider.get_meter("my-library")
    meter.create_counter("orders", "1", "how many").add(3, {"shop": "north"})
    meter.create_up_down_counter("queue").add(-2)
    meter.create_gauge("load").set(0.25)
    meter.create_histogram("latency", "ms", explicit_bucket_boundaries_advisory=[1.0, 10.0]).record(7)
    provider.shutdown()
    agent.wait_for(1)
    points = {point["name"]: point for point in agent.records}
    assert all(point.pop("timestamp").endswith("Z") for point in points.values())
    assert {name for name in points if points[name].pop("startTimestamp", None)} == {"orders", "queue", "latency"}
    assert points == FLAT_POINTS
