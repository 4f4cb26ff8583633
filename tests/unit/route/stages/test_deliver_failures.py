"""Deliveries when something other than the sink fails: the message, the time, the evaluator, the bus, the tables."""

from datetime import timedelta

import pytest

from headrace.errors import Unavailable
from headrace.ports.bus import Message
from headrace.ports.outbound import OutboundResponse
from tests.unit.scene import OUTPUT, PROJECT, Scene

FINDING = {"title": "Pool exhausted", "severity": "critical"}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def until_due(scene):
    for _ in range(200):
        if scene.bus.due():
            return
        scene.advance(minutes=15)
    raise AssertionError("nothing will ever be due")


@pytest.mark.parametrize(
    ("body", "attributes"), [("{", {}), ("!", {"content_encoding": "gzip"}), ("1", {"schema_version": "9"})]
)
def test_an_output_that_cannot_be_read_is_given_up_and_its_neighbours_are_not(scene, body, attributes):
    scene.sink()
    scene.bus.publish(OUTPUT, [Message(body, {"project_id": PROJECT, **attributes})])
    scene.say(FINDING)
    assert scene.deliver() == []
    assert (scene.outbound.bodies, len(scene.dead(OUTPUT))) == ([FINDING], 1)


def test_when_time_is_nearly_up_deliveries_are_put_away_untried(scene):
    scene.sink("a")
    scene.remaining = timedelta(seconds=10)
    scene.say(FINDING)
    assert scene.deliver() == []
    assert scene.outbound.requests == []
    (kept,) = scene.bus.messages(OUTPUT)
    assert (kept.attributes["attempts"], kept.attributes["sink_id"]) == ("0", "a")
    scene.remaining = timedelta(minutes=1)
    until_due(scene)
    scene.deliver()
    assert scene.outbound.bodies == [FINDING]


def test_without_an_evaluator_outputs_wait_and_no_attempt_is_counted(scene):
    scene.sink("a", filter="n > 1")
    scene.expressions.outage = Unavailable("no evaluator")
    scene.say({"n": 2})
    for _ in range(20):  # more often than a message may be delivered
        scene.deliver()
        assert scene.bus.due() == {}, "waiting must not spin"
        until_due(scene)
    assert (scene.dead(OUTPUT), scene.outbound.requests) == ([], [])
    scene.expressions.outage = None
    scene.deliver()
    assert scene.outbound.bodies == [{"n": 2}]


@pytest.mark.parametrize("status", [500, 404])
def test_when_nothing_can_be_put_away_the_output_itself_comes_back(scene, status):
    def answer(_):
        scene.bus.outage = Unavailable("disk full")
        return OutboundResponse(status, {}, b"")

    scene.sink()
    message_id = scene.say(FINDING)
    scene.outbound.will(answer)
    assert scene.deliver() == [message_id]
    scene.bus.outage = None
    scene.outbound.will(200)
    scene.advance(minutes=5)
    assert scene.deliver() == []
    assert scene.counters["sink_deliveries"] == 1


def test_damaged_configuration_brings_the_whole_event_back_before_anything_is_sent(scene):
    scene.sink("a")
    scene.config.put({"pk": f"project#{PROJECT}", "sk": "sink#b", "type": 7})
    scene.say(FINDING)
    with pytest.raises(Unavailable, match="damaged"):
        scene.deliver()
    assert scene.outbound.requests == []
