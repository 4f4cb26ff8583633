"""`GET /metrics`: what functions do is counted, under names that Prometheus can read.

Each number is that of real work on fakes. An event that a test told itself would be counted though nobody tells it.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from headrace.entry.errors import problem_error
from headrace.entry.http import Door, Limits
from headrace.entry.queue import door
from headrace.errors import Unavailable
from headrace.intake.stages.receive import receive
from headrace.ports.bus import Message
from headrace.ports.notifier import Notified
from headrace.ports.outbound import OutboundResponse
from headrace.ports.wiring import Subscription
from headrace.route.stages.accept_output import accept_output
from headrace.runtime.metrics import Metrics
from headrace.trace.operations.tracing import load_tracing
from headrace.trace.stages import trace as trace_stage
from tests.fakes.wiring import FakeWiring
from tests.functions.events import Context, http_event, sqs_event, sqs_record
from tests.unit.scene import LEASE, PROJECT, RAW, SPANS, Scene

FINDING = {"title": "Pool exhausted"}


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def metrics(scene: Scene) -> Iterator[Metrics]:
    wiring = FakeWiring()
    wiring.reconcile(PROJECT, [Subscription(RAW, "raw")])
    made = Metrics(scene.bus, wiring)
    yield made
    made.close()


def values(metrics: Metrics) -> dict[str, float]:
    """By name and the values of the labels."""
    families = text_string_to_metric_families(metrics.encode().decode())
    return {":".join((each.name, *each.labels.values())): each.value for family in families for each in family.samples}


def requests(metrics: Metrics, of: str) -> dict[str, float]:
    """Requests to sinks or agents, by verdict."""
    begin = f"headrace_{of}_requests_total:"
    return {name.removeprefix(begin): value for name, value in values(metrics).items() if name.startswith(begin)}


def take_logs(scene: Scene, *bodies: str) -> None:
    records = [{"body": {"stringValue": body}} for body in bodies]
    body = orjson.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
    receive("logs", "json", body, PROJECT, scene.receiving())


def trace(scene: Scene, *trace_ids: str) -> list[str]:
    """Receive a request for each span, and store all of them in runs as one event."""
    for number, trace_id in enumerate(trace_ids, 1):
        span = {"traceId": trace_id, "spanId": f"{number:016x}", "name": "chat"}
        body = orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
        receive("traces", "json", body, PROJECT, scene.receiving())
    tracing = partial(load_tracing, config=scene.config)
    needs = trace_stage.TraceNeeds(scene.bus, tracing, scene.telemetry, scene.clock)
    return trace_stage.trace(scene.bus.receive(SPANS, limit=10, lease=LEASE), needs)


def failing(problem: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        raise problem

    return fail


# --- what comes in -------------------------------------------------------------------------------------------


def test_records_are_counted_by_signal_when_they_are_received(scene: Scene, metrics: Metrics) -> None:
    take_logs(scene, "a", "b")
    take_logs(scene, "c")
    trace(scene, "01" * 16)
    found = values(metrics)
    assert found["headrace_records_received_total:logs"] == 3
    assert found["headrace_records_received_total:traces"] == 1


def test_spans_and_traces_are_counted_with_the_time_they_took(scene: Scene, metrics: Metrics) -> None:
    trace(scene, "01" * 16, "01" * 16, "02" * 16)
    found = values(metrics)
    assert found["headrace_spans_received_total"] == 3
    assert found["headrace_traces_received_total"] == 2
    assert found["headrace_ingestion_duration_seconds_count"] == 1
    assert found["headrace_ingestion_duration_seconds_sum"] > 0


def test_outputs_of_agents_are_counted(scene: Scene, metrics: Metrics) -> None:
    accept_output(b"{}", None, PROJECT, scene.accepting())
    assert values(metrics)["headrace_outputs_received_total"] == 1


# --- what goes out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "verdict"), [(200, "done"), (503, "retry"), (400, "refused")])
def test_a_request_to_the_agent_is_counted_by_what_came_of_it(
    scene: Scene, metrics: Metrics, status: int, verdict: str
) -> None:
    scene.pipeline()
    scene.arrive([{"n": 1}])
    scene.outbound.will(status)
    scene.process()
    assert requests(metrics, "agent") == {verdict: 1}


@pytest.mark.parametrize(("status", "verdict"), [(200, "done"), (503, "retry"), (400, "refused"), (410, "gone")])
def test_a_request_to_a_sink_is_counted_by_what_came_of_it(
    scene: Scene, metrics: Metrics, status: int, verdict: str
) -> None:
    scene.sink()
    scene.say(FINDING)
    scene.outbound.will(status)
    scene.deliver()
    assert requests(metrics, "sink") == {verdict: 1}


def test_each_sink_of_an_output_and_each_try_is_a_request(scene: Scene, metrics: Metrics) -> None:
    scene.sink("s-1")
    scene.sink("s-2", "apprise", url="tgram://token/chat")
    scene.notifier.will(Notified(taken=True, response=OutboundResponse(200, {}, b"")))
    scene.outbound.will(503, 200)
    scene.say(FINDING)
    scene.deliver()
    scene.advance(minutes=15)
    scene.deliver()
    assert requests(metrics, "sink") == {"done": 2, "retry": 1}


def test_what_a_sink_does_not_want_is_no_request(scene: Scene, metrics: Metrics) -> None:
    scene.sink(filter="nothing")
    scene.say(FINDING)
    scene.deliver()
    assert requests(metrics, "sink") == {}


def test_what_is_given_up_is_counted_wherever_that_is(scene: Scene, metrics: Metrics) -> None:
    scene.pipeline()
    scene.sink()
    scene.outbound.will(400)
    scene.arrive([{"n": 1}])
    scene.process()
    scene.say(FINDING)
    scene.deliver()
    scene.bus.publish(SPANS, [Message("no json", {"project_id": PROJECT})])
    trace(scene)
    assert values(metrics)["headrace_dead_letters_total"] == 3


# --- what fails ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "name"), [(Unavailable("down"), "event_returned"), (RuntimeError("a fault of ours"), "event_failed")]
)
def test_an_event_whose_messages_all_come_back_is_counted_by_why(
    metrics: Metrics, problem: Exception, name: str
) -> None:
    door("pipeline", failing(problem))(sqs_event(sqs_record("m-1", RAW, "[]")), Context())
    assert values(metrics)[f"headrace_ingestion_errors_total:{name}"] == 1


def test_messages_that_fail_alone_are_counted_beside_the_event_that_was_split(
    scene: Scene, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_stage, "normalize", failing(RecursionError()))
    assert len(trace(scene, "01" * 16, "02" * 16)) == 2
    found = values(metrics)
    assert found["headrace_ingestion_errors_total:event_split"] == 1
    assert found["headrace_ingestion_errors_total:message_failed"] == 2


def test_a_request_that_fails_is_counted(metrics: Metrics) -> None:
    answering = Door("receiver", problem_error, lambda: Limits(body_bytes=1000, unpacked_bytes=2000))
    answering.route("POST", "/v1/logs")(failing(RuntimeError("a fault of ours")))
    assert answering(http_event("POST", "/v1/logs"), Context())["statusCode"] == 500
    assert values(metrics)["headrace_ingestion_errors_total:request_failed"] == 1


# --- queues, and the end -------------------------------------------------------------------------------------


def test_queues_are_as_deep_as_they_are_when_asked(scene: Scene, metrics: Metrics) -> None:
    scene.bus.publish(RAW, [Message("x"), Message("y")])
    assert values(metrics)[f"headrace_queue_messages:{RAW}"] == 2


def test_a_bus_that_is_down_takes_only_the_queues_away(scene: Scene, metrics: Metrics) -> None:
    accept_output(b"{}", None, PROJECT, scene.accepting())
    scene.bus.outage = Unavailable("down")
    found = values(metrics)
    assert found["headrace_outputs_received_total"] == 1
    assert f"headrace_queue_messages:{RAW}" not in found


def test_when_closed_it_counts_no_more(scene: Scene, metrics: Metrics) -> None:
    metrics.close()
    accept_output(b"{}", None, PROJECT, scene.accepting())
    assert values(metrics)["headrace_outputs_received_total"] == 0
