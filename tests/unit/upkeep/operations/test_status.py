"""The delivery equation: accepted = filtered + errored + delivered + dead_lettered + in_flight, whatever happens."""

import pytest

from headrace.errors import Unavailable
from headrace.intake.wire.items import COUNTERS
from headrace.ports.bus import Message
from headrace.ports.items import project_pk
from headrace.ports.outbound import OutboundResponse
from tests.functions.otlp import METRICS, TRACES
from tests.unit.desk import AGENT, HOOK, LEASE, Desk

PIPELINE = {"agent_endpoint": AGENT, "batch_size": 2}


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.put("/pipeline", PIPELINE)
    return made


def sums(desk) -> dict[str, int]:
    """The terms that are not 0; they must add up."""
    status = desk.status
    terms = {name: status[name] for name in ("filtered", "errored", "delivered", "dead_lettered", "in_flight")}
    assert sum(terms.values()) == status["accepted"]
    return {name: value for name, value in terms.items() if value}


def test_a_new_project_has_nothing_anywhere(desk):
    status = desk.get("/status", role="viewer").json
    assert {value for value in status.values() if isinstance(value, int)} == {0}
    names = [f"gf-ai-{kind}-{desk.project_id}" for kind in ("raw", "output", "spans")]
    assert status["queues"] == {name: {"depth": 0, "in_flight": 0, "dead_letters": 0} for name in names}
    assert status["agent"] == {"last_success_at": None, "last_error": None, "last_error_at": None}
    assert status["filter_error"] is None


def test_what_is_received_is_in_flight_until_it_is_dealt_with(desk):
    desk.put("/pipeline", {**PIPELINE, "filter": "body = 'a'"})
    desk.receive("a", "a", "a", "noise")
    assert sums(desk) == {"in_flight": 4}
    desk.process()
    assert sums(desk) == {"delivered": 3, "filtered": 1}
    assert desk.status["agent"]["last_success_at"] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    ("on_error", "expected"),
    [("drop", {"errored": 2}), ("forward", {"delivered": 2}), ("dead_letter", {"dead_lettered": 2})],
)
def test_records_on_which_an_expression_fails_are_counted_where_they_went(desk, on_error, expected):
    desk.put("/pipeline", {**PIPELINE, "filter": "boom", "on_error": on_error})
    desk.receive("a", "b")
    desk.process()
    assert sums(desk) == expected
    assert "boom" in desk.status["filter_error"]


def test_a_batch_that_is_tried_again_stays_in_flight_and_is_delivered_once(desk):
    desk.outbound.will(503, 500, 200)
    desk.receive("a", "b", "c")
    desk.process()
    assert sums(desk) == {"in_flight": 3}
    status = desk.status
    assert (status["agent"]["last_error"], status["agent"]["last_error_at"]) == ("answered 503", "2023-11-14T22:13:20Z")
    desk.process_all()
    assert sums(desk) == {"delivered": 3}


def test_a_batch_that_is_given_up_is_dead_lettered_with_all_its_records(desk):
    desk.outbound.will(400)
    desk.receive("a", "b", "c")
    desk.process()
    assert sums(desk) == {"dead_lettered": 3}
    assert desk.status["queues"][desk.raw]["dead_letters"] == 2


@pytest.mark.parametrize(
    ("signals", "expected"), [(["logs"], {"filtered": 2}), (["traces", "metrics"], {"delivered": 2})]
)
def test_signals_that_the_pipeline_does_not_take_are_filtered_out(desk, signals, expected):
    desk.put("/pipeline", {**PIPELINE, "signals": signals})
    desk.receive(signal="traces", request=TRACES)
    desk.receive(signal="metrics", request=METRICS)
    desk.process()
    assert sums(desk) == expected


def test_a_message_that_cannot_be_read_is_dead_lettered_with_all_its_records(desk):
    desk.receive("a", "b")
    (message,) = desk.bus.receive(desk.raw, limit=1, lease=LEASE)
    desk.bus.acknowledge([message])
    desk.bus.publish(desk.raw, [Message("{", message.attributes)])
    desk.process()
    assert sums(desk) == {"dead_lettered": 2}


def test_a_message_that_has_to_come_back_is_counted_once(desk):
    desk.put("/pipeline", {**PIPELINE, "filter": "body = 'a'"})
    desk.receive("a", "noise")
    desk.outbound.will(lambda _: _down(desk), 200)
    desk.process()
    desk.bus.outage = None
    assert sums(desk) == {"in_flight": 2}
    desk.process_all()
    assert sums(desk) == {"filtered": 1, "delivered": 1}


def test_messages_that_the_engine_gave_up_are_dead_lettered(desk):
    desk.receive("a", "b", "c")
    desk.receive("d")
    for _ in range(desk.bus.receive_limit + 1):
        desk.bus.release(desk.bus.receive(desk.raw, limit=10, lease=LEASE))
    assert sums(desk) == {"dead_lettered": 4}
    assert desk.status["queues"][desk.raw] == {"depth": 0, "in_flight": 0, "dead_letters": 2}


def test_what_at_least_once_delivers_twice_never_makes_in_flight_negative(desk):
    desk.receive("a")
    twice = desk.bus.messages(desk.raw)
    desk.bus.publish(desk.raw, twice)
    desk.process()
    assert (desk.status["delivered"], desk.status["in_flight"]) == (2, 0)


def test_outputs_and_what_sinks_took_are_counted(desk):
    for name in ("one", "two"):
        desk.post("/sinks", {**HOOK, "name": name})
    desk.post("/sinks", {**HOOK, "filter": "never"})
    desk.say({"title": "t"})
    assert (desk.status["outputs"], desk.status["sink_deliveries"]) == (1, 0)
    desk.deliver()
    assert (desk.status["outputs"], desk.status["sink_deliveries"]) == (1, 2)


@pytest.mark.parametrize("engine", ["bus", "telemetry"])
def test_without_an_engine_there_is_no_status(desk, engine):
    getattr(desk, engine).outage = Unavailable("down")
    reply = desk.get("/status")
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


def test_counts_that_were_lost_never_show_as_less_than_nothing(desk):
    desk.telemetry.put({"pk": project_pk(desk.project_id), "sk": COUNTERS, "delivered": 5, "redriven": 3})
    assert (desk.status["in_flight"], desk.status["dead_lettered"]) == (0, 0)


def _down(desk):
    """The bus goes down while the agent has the batch, and the agent asks for another try."""
    desk.bus.outage = Unavailable("disk full")
    return OutboundResponse(503, {}, b"")
