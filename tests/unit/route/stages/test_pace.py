"""Slack webhooks get one message a second from all instances together, and nobody's attempts are used up by it."""

import itertools
from datetime import timedelta

import orjson
import pytest

from headrace.errors import Unavailable
from headrace.ports.outbound import OutboundResponse
from headrace.route.stages.pace import await_turn
from tests.unit.scene import OUTPUT, Scene

URL = "https://hooks.slack.com/services/T/B/secret"


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.sink("a", kind="slack", url=URL)
    return made


def work_off(scene, *, seconds):
    """When messages went out, in seconds from now, while two instances work in turn."""
    start, gone = scene.clock.now_unix_nano(), []
    for _ in range(seconds * 10):
        for _instance in range(2):
            before = len(scene.outbound.requests)
            scene.deliver(limit=3)
            gone += [(scene.clock.now_unix_nano() - start) / 1e9] * (len(scene.outbound.requests) - before)
        scene.advance(milliseconds=100)
    return gone


def test_a_burst_goes_out_one_a_second_all_of_it_and_no_attempt_is_counted(scene):
    for number in range(12):
        scene.say({"title": f"finding {number}"})
    gone = work_off(scene, seconds=20)
    assert len(gone) == 12
    assert all(later - earlier >= 0.75 for earlier, later in itertools.pairwise(gone))
    assert gone[-1] <= 14
    assert len({orjson.loads(request.body)["text"] for request in scene.outbound.requests}) == 12
    assert (scene.dead(OUTPUT), scene.counters["sink_deliveries"]) == ([], 12)


def test_a_message_that_waits_has_no_attempt_behind_it(scene):
    for _ in range(2):
        scene.say({"title": "T"})
    scene.deliver()
    (waiting,) = scene.bus.messages(OUTPUT)
    assert (waiting.attributes["attempts"], waiting.attributes["sink_id"]) == ("0", "a")
    assert len(waiting.attributes) <= 10, "a message has at most ten attributes"


def test_two_webhooks_do_not_wait_for_each_other(scene):
    scene.sink("b", kind="slack", url=URL + "2")
    scene.say({"title": "T"})
    scene.deliver()
    assert len(scene.outbound.requests) == 2


def test_two_sinks_on_one_webhook_do(scene):
    scene.sink("b", kind="slack", url=URL)
    scene.say({"title": "T"})
    scene.deliver()
    assert len(scene.outbound.requests) == 1


def test_a_webhook_that_says_429_is_left_alone_by_all_for_as_long_as_it_says(scene):
    scene.outbound.will(OutboundResponse(429, {"Retry-After": "30"}, b"rate_limited"), 200)
    scene.say({"title": "first"})
    scene.deliver()
    scene.say({"title": "second"})
    gone = work_off(scene, seconds=40)
    assert gone[0] >= 30 - 0.25
    assert len(gone) == 2


def test_the_address_is_not_among_what_is_stored(scene):
    scene.say({"title": "T"})
    scene.deliver()
    assert "secret" not in str(scene.telemetry.items)


def test_without_tables_messages_go_rather_than_wait_for_ever(scene):
    scene.telemetry.outage = Unavailable("down")
    now = scene.clock.now_unix_nano()
    assert [await_turn(URL, now, scene.telemetry, waited=False) for _ in range(2)] == [timedelta(0)] * 2
