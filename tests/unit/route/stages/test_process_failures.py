"""When the agent, the bus or the time fails: what is stored again, what is tried again, what is given up."""

from datetime import timedelta
from unittest.mock import Mock

import pytest

from headrace.errors import TooLarge, Unavailable
from headrace.ports.outbound import NoAnswer, OutboundResponse
from headrace.route.domain.delivery import AGENT_LADDER
from tests.unit.scene import RAW, Scene

SILENCE = NoAnswer("gave no answer within 30 s")


@pytest.fixture
def scene() -> Scene:
    return Scene()


def numbered(*numbers):
    return [{"n": number} for number in numbers]


def until_due(scene):
    """Seconds that pass until something is due."""
    for second in range(100_000):
        if scene.bus.due():
            return second
        scene.advance(seconds=1)
    raise AssertionError("nothing will ever be due")


@pytest.mark.parametrize("answer", [500, 502, 503, 408, 429, SILENCE])
def test_a_batch_that_may_succeed_later_waits_alone_and_its_messages_are_done(scene, answer):
    scene.pipeline()
    scene.arrive(numbered(1))
    scene.arrive(numbered(2))
    scene.outbound.will(answer, 200)
    assert scene.process() == []
    assert [message.attributes["attempts"] for message in scene.bus.messages(RAW)] == ["1"]
    assert until_due(scene) == AGENT_LADDER[0].total_seconds()
    assert scene.process() == []
    assert scene.outbound.bodies == [numbered(1, 2)] * 2
    assert scene.bus.stats(RAW).depth == 0
    assert scene.counters["delivered"] == 2


def test_a_retried_batch_keeps_its_request_id_and_trace_and_gets_a_new_span(scene):
    scene.pipeline()
    scene.arrive(numbered(1))
    scene.outbound.will(500, 500, 200)
    for _ in range(3):
        scene.process()
        scene.advance(minutes=5)
    assert len(set(scene.request_ids())) == 1
    traces = [request.headers["traceparent"].split("-") for request in scene.outbound.requests]
    assert len({trace[1] for trace in traces}) == 1
    assert len({trace[2] for trace in traces}) == 3


def test_a_batch_climbs_the_ladder_and_is_given_up_at_its_end(scene):
    scene.pipeline()
    scene.arrive(numbered(1, 2))
    scene.outbound.will(500)
    waits = []
    for _ in AGENT_LADDER:
        scene.process()
        waits.append(timedelta(seconds=until_due(scene)))
    assert tuple(waits) == AGENT_LADDER
    assert scene.process() == []
    attempts = len(AGENT_LADDER) + 1
    assert scene.dead() == [f"the agent answered 500, after {attempts} attempts"]
    assert scene.dead_bodies() == [numbered(1, 2)]
    assert len(scene.outbound.requests) == attempts
    assert scene.counters["dead_lettered"] == 2
    assert scene.bus.stats(RAW).depth == 0


@pytest.mark.parametrize("answer", [500, 400])
def test_a_batch_that_no_message_can_hold_brings_back_its_own_records_only(scene, monkeypatch, answer):
    scene.pipeline(batch_size=1, max_concurrency=1)
    scene.arrive(numbered(1))
    (large,) = scene.arrive(numbered(2))
    scene.outbound.will(200, answer)
    too_large = Mock(side_effect=TooLarge("a message", limit_bytes=1024))
    monkeypatch.setattr(scene.bus, "publish", too_large)
    monkeypatch.setattr(scene.bus, "dead_letter", too_large)
    assert scene.process() == [large]
    assert scene.counters["delivered"] == 1


def test_what_comes_back_since_a_record_could_not_be_buried_was_not_sent_before(scene, monkeypatch):
    scene.pipeline("n > 1", on_error="dead_letter")
    scene.arrive([{"n": 2}, {"m": 2}])
    with monkeypatch.context() as down:
        down.setattr(scene.bus, "dead_letter", Mock(side_effect=Unavailable("full")))
        assert len(scene.process()) == 1
    scene.advance(minutes=5)
    assert scene.process() == []
    assert scene.outbound.bodies == [[{"n": 2}]]
    assert scene.dead_bodies() == [[{"m": 2}]]


def test_a_batch_that_was_given_up_starts_anew_when_it_is_redriven(scene):
    scene.pipeline()
    scene.arrive(numbered(1))
    scene.outbound.will(404, 500, 200)
    scene.process()
    scene.bus.redrive(RAW)
    scene.process()
    assert until_due(scene) == AGENT_LADDER[0].total_seconds()
    scene.process()
    assert scene.outbound.bodies == [numbered(1)] * 3
    assert len(set(scene.request_ids())) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 410, 413, 301, 302])
def test_an_answer_that_will_not_change_gives_the_batch_up_at_once(scene, status):
    scene.pipeline()
    scene.arrive(numbered(1))
    scene.outbound.will(status)
    assert scene.process() == []
    assert f"answered {status}" in scene.dead()[0]
    assert scene.dead()[0].endswith("after 1 attempt")
    assert scene.counters["agent_last_error"].startswith(f"answered {status}")


def test_an_endpoint_that_cannot_be_sent_to_gives_the_batch_up_with_the_reason(scene):
    scene.pipeline(agent_endpoint="http://")
    scene.arrive(numbered(1))
    assert scene.process() == []
    assert "URL" in scene.dead()[0]


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("0", 1), ("100000", 15 * 60)])
def test_the_agent_says_how_long_to_wait(scene, header, seconds):
    scene.pipeline()
    scene.arrive(numbered(1))
    scene.outbound.will(OutboundResponse(429, {"Retry-After": header}, b""), 200)
    scene.process()
    assert until_due(scene) == seconds


def test_one_batch_that_fails_holds_up_no_other(scene):
    def answer(request):
        return OutboundResponse(500 if b'"n":2' in request.body else 200, {}, b"")

    scene.pipeline(batch_size=1)
    scene.arrive(numbered(1, 2, 3))
    scene.outbound.will(answer)
    assert scene.process() == []
    assert (scene.counters["delivered"], scene.bus.stats(RAW).depth) == (2, 1)


@pytest.mark.parametrize("answer", [SILENCE, 503, 429])
@pytest.mark.parametrize("concurrency", [1, 2])
def test_an_agent_that_is_down_is_not_tried_with_every_batch(scene, answer, concurrency):
    scene.pipeline(batch_size=1, max_concurrency=concurrency)
    scene.arrive(numbered(*range(8)))
    scene.outbound.will(answer)
    assert scene.process() == []
    assert len(scene.outbound.requests) == 1
    assert scene.bus.stats(RAW).depth == 8


def test_batches_that_were_not_tried_wait_as_long_as_the_agent_asked_for(scene):
    scene.pipeline(batch_size=1, max_concurrency=1)
    scene.arrive(numbered(*range(4)))
    scene.outbound.will(OutboundResponse(503, {"retry-after": "60"}, b""))
    scene.process()
    assert until_due(scene) == 60


def test_what_was_not_tried_has_no_attempt_counted(scene):
    scene.pipeline(batch_size=1, max_concurrency=1)
    scene.arrive(numbered(*range(6)))
    scene.outbound.will(SILENCE)
    for _ in AGENT_LADDER:
        scene.process()
        until_due(scene)
    made = [int(message.attributes["attempts"]) for message in scene.bus.messages(RAW)]
    tried_again = len(scene.outbound.requests) - sum(made)  # on messages of their own, by their deliveries
    assert (len(scene.outbound.requests), tried_again >= 0) == (len(AGENT_LADDER), True)
    assert made.count(0) >= 1


def test_every_batch_of_a_lasting_outage_is_given_up_only_after_the_whole_ladder(scene):
    scene.pipeline(batch_size=1, max_concurrency=1)
    scene.arrive(numbered(*range(4)))
    scene.outbound.will(SILENCE)
    turns = 0
    while scene.bus.stats(RAW).depth:
        until_due(scene)
        scene.process()
        turns += 1
        assert turns < 500
    attempts = len(AGENT_LADDER) + 1
    assert scene.dead() == [f"the agent gave no answer within 30 s, after {attempts} attempts"] * 4
    assert {scene.request_ids().count(each) for each in scene.request_ids()} == {attempts}


def test_when_time_is_nearly_up_the_rest_is_put_away_untried(scene):
    pipeline = scene.pipeline(batch_size=1, max_concurrency=1)

    def answer(_):
        scene.remaining = pipeline.timeout  # too little for one more request and its aftermath
        return OutboundResponse(200, {}, b"")

    scene.outbound.will(answer)
    scene.arrive(numbered(1, 2, 3))
    assert scene.process() == []
    assert (len(scene.outbound.requests), scene.counters["delivered"]) == (1, 1)
    assert [message.attributes["attempts"] for message in scene.bus.messages(RAW)] == ["0", "0"]
    scene.remaining = timedelta(minutes=5)
    scene.outbound.will(200)
    assert scene.process() == []
    assert sorted(body[0]["n"] for body in scene.outbound.bodies) == [1, 2, 3]


def bus_breaks(scene, status):
    def answer(_):
        scene.bus.outage = Unavailable("disk full")
        return OutboundResponse(status, {}, b"")

    return answer


@pytest.mark.parametrize("status", [500, 404])
def test_when_nothing_can_be_put_away_the_messages_themselves_come_back(scene, status):
    scene.pipeline(batch_size=3, max_concurrency=1)
    ids = scene.arrive(numbered(1, 2)) + scene.arrive(numbered(3, 4))
    scene.outbound.will(bus_breaks(scene, status), 200)
    assert sorted(scene.process()) == sorted(ids)
    scene.bus.outage = None
    scene.advance(minutes=5)
    assert scene.process() == []
    assert sorted(record["n"] for body in scene.outbound.bodies[-2:] for record in body) == [1, 2, 3, 4]
    assert scene.bus.stats(RAW).depth == 0


def test_only_messages_of_the_failed_batch_come_back(scene):
    scene.pipeline(batch_size=1, max_concurrency=1)
    first, second = scene.arrive(numbered(1)) + scene.arrive(numbered(2))
    scene.outbound.will(200, bus_breaks(scene, 500))
    (back,) = scene.process()
    assert back in (first, second)
    assert back == (first if scene.outbound.bodies[1] == numbered(1) else second)


def test_a_redelivered_batch_counts_its_deliveries_as_attempts(scene):
    scene.pipeline()
    scene.arrive(numbered(1))
    scene.outbound.will(500)
    scene.process()
    until_due(scene)
    scene.bus.receive(RAW, limit=1, lease=timedelta(seconds=20))  # a worker that died with it
    until_due(scene)
    scene.process()
    assert until_due(scene) == AGENT_LADDER[2].total_seconds()


def test_without_an_evaluator_nothing_is_decided(scene):
    scene.pipeline("n > 1")
    scene.arrive(numbered(2))
    scene.expressions.outage = Unavailable("no evaluator")
    with pytest.raises(Unavailable):
        scene.process()
    scene.expressions.outage = None
    scene.advance(seconds=20)
    assert scene.process() == []
    assert scene.outbound.bodies == [numbered(2)]


def test_a_success_after_failures_is_told_with_its_time(scene):
    scene.pipeline()
    scene.arrive(numbered(1))
    scene.outbound.will(500, 200)
    scene.process()
    assert scene.counters["agent_last_error"] == "answered 500"
    assert scene.counters["agent_last_error_at"] == str(scene.clock.now_unix_nano())
    until_due(scene)
    scene.process()
    assert scene.counters["agent_last_success_at"] == str(scene.clock.now_unix_nano())
