"""`GET /metrics`: what happens is counted, under names that Prometheus can read."""

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from headrace.errors import Unavailable
from headrace.observability import emit, warn
from headrace.ports.bus import Message
from headrace.ports.wiring import Subscription
from headrace.runtime.metrics import Metrics
from tests.fakes.bus import FakeBus
from tests.fakes.clock import FakeClock
from tests.fakes.wiring import FakeWiring


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus(FakeClock())


@pytest.fixture
def metrics(bus: FakeBus) -> Iterator[Metrics]:
    wiring = FakeWiring()
    wiring.reconcile("p", [Subscription("gf-ai-raw-p", "raw")])
    made = Metrics(bus, wiring)
    yield made
    made.close()


def values(metrics: Metrics) -> dict[str, float]:
    """By name and the values of the labels."""
    families = text_string_to_metric_families(metrics.encode().decode())
    return {":".join((each.name, *each.labels.values())): each.value for family in families for each in family.samples}


def test_spans_and_traces_are_counted_with_the_time_they_took(metrics: Metrics) -> None:
    emit("traced", project_id="p", traces=2, spans=7, seconds=0.02)
    found = values(metrics)
    assert found["headrace_traces_received_total"] == 2
    assert found["headrace_spans_received_total"] == 7
    assert found["headrace_ingestion_duration_seconds_bucket:0.01"] == 0
    assert found["headrace_ingestion_duration_seconds_bucket:0.025"] == 1


@pytest.mark.parametrize(
    ("event", "facts", "name", "value"),
    [
        ("received", {"signal": "logs", "records": 512}, "headrace_records_received_total:logs", 512),
        ("batch", {"verdict": "done"}, "headrace_agent_requests_total:done", 1),
        ("delivery", {"verdict": "retry"}, "headrace_sink_requests_total:retry", 1),
        ("output", {}, "headrace_outputs_received_total", 1),
        ("dead_letter", {}, "headrace_dead_letters_total", 1),
        ("event_failed", {}, "headrace_ingestion_errors_total:event_failed", 1),
    ],
)
def test_events_are_counted(metrics: Metrics, event: str, facts: dict[str, object], name: str, value: float) -> None:
    warn(event, project_id="p", **facts)
    assert values(metrics)[name] == value


def test_queues_are_as_deep_as_they_are_when_asked(metrics: Metrics, bus: FakeBus) -> None:
    bus.publish("gf-ai-raw-p", [Message("x"), Message("y")])
    assert values(metrics)["headrace_queue_messages:gf-ai-raw-p"] == 2


def test_a_bus_that_is_down_takes_only_the_queues_away(metrics: Metrics, bus: FakeBus) -> None:
    bus.outage = Unavailable("down")
    emit("output")
    found = values(metrics)
    assert found["headrace_outputs_received_total"] == 1
    assert "headrace_queue_messages:gf-ai-raw-p" not in found


def test_when_closed_it_counts_no_more(metrics: Metrics) -> None:
    metrics.close()
    emit("output")
    assert values(metrics)["headrace_outputs_received_total"] == 0
