"""What is kept of deliveries for a sink's owner: the last attempts, its health, and no more than that."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError

import pytest

from headrace.errors import Unavailable
from headrace.ports.outbound import NoAnswer, OutboundResponse
from headrace.route.domain.delivery import SinkAttempt
from headrace.route.stages.hold_off import HoldOff
from headrace.route.stages.log_deliveries import SLOTS, DeliveryLog, SinkNews
from headrace.route.wire.delivery_items import attempts_prefix, decode_attempts
from tests.unit.scene import PROJECT, Scene

FINDING = {"title": "Pool exhausted"}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def attempts(scene, sink_id="a"):
    """All that are kept, in the order in which they were made."""
    stored = [item for item in scene.telemetry.items if item["sk"].startswith(attempts_prefix(sink_id))]
    return sorted((each for item in stored for each in decode_attempts(item)), key=lambda each: each.at_unix_nano)


def health(scene, sink_id="a"):
    found = [item for item in scene.telemetry.items if item["sk"] == f"health#{sink_id}"]
    return found[0] if found else {}


def deliver(scene, *answers, **advance):
    scene.outbound.will(*answers)
    scene.say(FINDING, request_id="r-1")
    scene.deliver()
    scene.advance(**(advance or {"seconds": 2}))


def test_an_attempt_is_kept_with_time_status_duration_and_request(scene):
    scene.sink("a")
    now = scene.clock.now_unix_nano()
    deliver(scene, 202)
    (attempt,) = attempts(scene)
    assert (attempt.at_unix_nano, attempt.number, attempt.verdict) == (now, 1, "done")
    assert (attempt.status, attempt.request_id, attempt.error) == (202, "r-1", None)
    assert attempt.ms >= 0


def test_the_error_is_what_the_other_side_said_without_our_secrets(scene):
    scene.sink("a", headers={"X-Token": "topsecret"})
    deliver(scene, OutboundResponse(400, {}, b"bad\n  token topsecret"))
    deliver(scene, NoAnswer("could not be reached: refused"), 404, minutes=1)
    deliver(scene, OutboundResponse(404, {}, b"\x00\xff binary"))
    deliver(scene, OutboundResponse(302, {"Location": "/"}, b"moved"))
    first, second, third, fourth = (each for each in attempts(scene) if each.number == 1)
    assert (first.status, first.error) == (400, "answered 400: bad token ***")
    assert (second.status, second.error) == (None, "could not be reached: refused")
    assert third.error == "answered 404"
    assert "configure the final URL" in fourth.error


def test_retries_count_up(scene):
    scene.sink("a")
    deliver(scene, 500, seconds=5)
    for wait in (30, 120):
        scene.deliver()
        scene.advance(seconds=wait)
    assert [(each.number, each.verdict) for each in attempts(scene)] == [(1, "retry"), (2, "retry"), (3, "retry")]
    assert len({each.output_id for each in attempts(scene)}) == 1


def test_what_failed_before_sending_is_kept_too(scene):
    scene.sink("a", template="nothing")
    deliver(scene, 200)
    (attempt,) = attempts(scene)
    assert (attempt.status, attempt.ms) == (None, None)
    assert "template gave nothing" in attempt.error


def test_what_the_filter_left_out_is_no_attempt(scene):
    scene.sink("a", filter="n > 1")
    scene.say({"n": 1})
    scene.deliver()
    assert (attempts(scene), health(scene)) == ([], {})


def test_of_successes_those_of_one_event_a_second_are_kept_and_of_failures_all(scene):
    scene.sink("a")
    for _ in range(5):
        deliver(scene, 200, milliseconds=100)
    assert len(attempts(scene)) == 1
    for _ in range(5):
        deliver(scene, 404, milliseconds=100)
    assert len(attempts(scene)) == 6
    scene.advance(seconds=1)
    deliver(scene, 200)
    assert len(attempts(scene)) == 7


def test_on_the_happy_path_a_thousand_deliveries_in_a_second_cost_two_writes(scene):
    scene.sink("a")
    writes = []
    put, update = scene.telemetry.put, scene.telemetry.update
    scene.telemetry.put = lambda item, *rest: writes.append(item["sk"]) or put(item, *rest)
    scene.telemetry.update = lambda change: writes.append(change.sk) or update(change)
    for _ in range(100):
        for _ in range(10):
            scene.say(FINDING)
        scene.deliver()
    assert [sk for sk in writes if sk != "counters"] == ["health#a", "attempts#a#001"]


def test_the_log_of_a_sink_stays_bounded_and_ends_by_itself(scene):
    scene.sink("a")
    for _ in range(SLOTS + 20):
        deliver(scene, 404)
    assert len(attempts(scene)) == SLOTS
    scene.advance(days=8)
    assert attempts(scene) == []


def test_failures_come_before_successes_when_an_event_has_too_many(scene):
    scene.sink("a")
    scene.outbound.will(*[200] * 25, *[404] * 15)
    for _ in range(40):
        scene.say(FINDING)
    scene.deliver(limit=40)
    kept = [each.verdict for each in attempts(scene)]
    assert (len(kept), kept.count("refused")) == (20, 15)


# --- health ---------------------------------------------------------------------------------------------------


def test_a_sink_is_failing_from_its_first_error_until_the_next_success(scene):
    scene.sink("a")
    deliver(scene, 200)
    first = scene.clock.now_unix_nano()
    deliver(scene, 500)
    last = scene.clock.now_unix_nano()
    deliver(scene, OutboundResponse(503, {}, b"overloaded"))
    found = health(scene)
    assert (found["failing_since"], found["last_error_at"]) == (str(first), str(last))
    assert found["last_error"] == "answered 503: overloaded"
    scene.bus.discard("gf-ai-output-p-1")
    now = scene.clock.now_unix_nano()
    deliver(scene, 200)
    assert "failing_since" not in health(scene)
    assert health(scene)["last_success_at"] == str(now)
    assert health(scene)["last_error"] == "answered 503: overloaded"


def test_a_success_and_then_a_failure_in_one_event_begin_a_failing_of_its_own(scene):
    scene.sink("a")
    deliver(scene, 404)
    scene.outbound.will(200, 404)
    for _ in range(2):
        scene.say(FINDING)
    now = scene.clock.now_unix_nano()
    scene.deliver()
    assert health(scene)["failing_since"] == str(now)


def test_given_up_outputs_are_counted_for_their_sink(scene):
    scene.sink("a")
    scene.sink("b")
    scene.outbound.will(lambda request: OutboundResponse(404 if "//a." in request.url else 200, {}, b""))
    for _ in range(3):
        scene.say(FINDING)
    scene.deliver()
    assert (health(scene)["dead_lettered"], health(scene, "b").get("dead_lettered", 0)) == (3, 0)


def test_without_tables_deliveries_go_on(scene):
    scene.sink("a")
    scene.say(FINDING)
    scene.configuration.sinks("p-1")  # known still
    scene.telemetry.outage = Unavailable("down")
    assert scene.deliver() == []
    assert len(scene.outbound.requests) == 1


def test_the_health_of_the_agent_is_kept_likewise(scene):
    scene.pipeline()
    since = str(scene.clock.now_unix_nano())
    scene.outbound.will(500)
    scene.arrive([{"n": 1}])
    scene.process()
    scene.advance(seconds=1)
    scene.process()
    assert scene.counters["agent_failing_since"] == since
    assert scene.counters["agent_last_error_at"] != since
    scene.outbound.will(200)
    scene.advance(seconds=3)
    scene.process()
    assert "agent_failing_since" not in scene.counters


# --- a sink that hangs ----------------------------------------------------------------------------------------


def test_a_silent_sink_gets_one_output_at_a_time_and_its_neighbours_all_of_theirs(scene):
    scene.sink("a")
    scene.sink("b")
    away = NoAnswer("gave no answer within 10 s")

    def answer(request):
        if "//a." in request.url:
            raise away
        return OutboundResponse(200, {}, b"")

    scene.outbound.will(answer)
    for _ in range(4):
        scene.say(FINDING)
        scene.deliver()
    urls = [request.url for request in scene.outbound.requests]
    assert (urls.count("http://a.example/hook"), urls.count("http://b.example/hook")) == (1, 4)
    scene.outbound.will(200)
    for _ in range(30):
        scene.advance(seconds=1)
        scene.deliver()
    assert len(scene.outbound.requests) == 5 + 4
    assert (scene.counters["sink_deliveries"], scene.dead("gf-ai-output-p-1")) == (8, [])


def test_while_one_output_is_on_its_way_to_a_silent_sink_no_other_goes():
    hold_off, timeout = HoldOff(), timedelta(seconds=10)
    assert hold_off.may_try("a", 0, timeout)
    hold_off.was_silent("a", 0, timedelta(seconds=5))
    assert not hold_off.may_try("a", 4_999_999_999, timeout)
    assert hold_off.may_try("a", 5_000_000_000, timeout)
    assert not hold_off.may_try("a", 14_999_999_999, timeout)
    assert hold_off.may_try("a", 15_000_000_000, timeout)
    hold_off.answered("a")
    assert hold_off.may_try("a", 15_000_000_001, timeout)


def test_one_log_may_be_shared_by_many_sinks():
    scene = Scene()
    for name in ("a", "b"):
        scene.sink(name)
    scene.log = DeliveryLog()
    deliver(scene, 200)
    assert (len(attempts(scene, "a")), len(attempts(scene, "b"))) == (1, 1)


def test_attempts_of_events_at_the_same_time_do_not_take_each_others_place():
    scene = Scene()
    update, together = scene.telemetry.update, Barrier(3)

    def meet(change):
        with suppress(BrokenBarrierError):
            together.wait(1)
        return update(change)

    def note(number):
        news = SinkNews([SinkAttempt(number, f"o-{number}", None, 1, "refused", 400, 1.0, "answered 400")])
        scene.log.note(PROJECT, {"a": news}, scene.clock.now_unix_nano(), scene.telemetry)

    scene.telemetry.update = meet
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(note, range(3)))
    assert [each.output_id for each in attempts(scene)] == ["o-0", "o-1", "o-2"]
