"""From the raw queue to the agent: what is kept, how it is cut, what is counted. Failures: the next module."""

import re
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from headrace.ports.bus import Message, QueueStats
from headrace.ports.secrets import OldSecret
from headrace_sdk import verify_request
from tests.unit.scene import AGENT, PROJECT, RAW, Scene

EMPTY = QueueStats(0, 0, 0)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def scene() -> Scene:
    return Scene()


def numbered(*numbers):
    return [{"n": number} for number in numbers]


def test_without_a_filter_every_record_goes_to_the_agent(scene):
    scene.pipeline()
    scene.arrive(numbered(1, 2, 3))
    assert scene.process() == []
    assert scene.outbound.bodies == [numbered(1, 2, 3)]
    assert scene.bus.stats(RAW) == EMPTY
    assert scene.counters["delivered"] == 3


def test_a_request_is_what_the_contract_says(scene):
    scene.pipeline(timeout=timedelta(seconds=7))
    scene.arrive(numbered(1))
    scene.process()
    (request,) = scene.outbound.requests
    assert (request.url, request.method, request.timeout) == (AGENT, "POST", timedelta(seconds=7))
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Project-ID"] == PROJECT
    request_id = request.headers["X-Request-ID"]
    assert re.fullmatch(rf"00-{request_id.replace('-', '')}-[0-9a-f]{{16}}-01", request.headers["traceparent"])


def test_records_that_the_filter_does_not_keep_are_counted_and_gone(scene):
    scene.pipeline("n > 1")
    scene.arrive(numbered(1, 2, 0, 3))
    assert scene.process() == []
    assert scene.outbound.bodies == [numbered(2, 3)]
    assert (scene.counters["filtered"], scene.counters["delivered"]) == (2, 2)
    assert scene.bus.stats(RAW) == EMPTY


def test_when_nothing_is_kept_nothing_is_sent(scene):
    scene.pipeline("n > 1")
    scene.arrive(numbered(1, 0))
    assert (scene.process(), scene.outbound.requests) == ([], [])


def test_transforms_are_added_to_what_is_kept(scene):
    scene.pipeline("n > 1", [("n", "out.number", "string")])
    scene.arrive(numbered(1, 2))
    scene.process()
    assert scene.outbound.bodies == [[{"n": 2, "out": {"number": "2"}}]]


def test_records_of_many_messages_share_batches_of_the_given_size(scene):
    scene.pipeline(batch_size=4)
    for number in range(5):
        scene.arrive(numbered(2 * number, 2 * number + 1))
    scene.process()
    assert sorted(len(body) for body in scene.outbound.bodies) == [2, 4, 4]
    assert sorted(record["n"] for body in scene.outbound.bodies for record in body) == list(range(10))
    assert len(set(scene.request_ids())) == 3


@pytest.mark.parametrize(("signals", "sent"), [(("logs",), ["logs"]), (("traces", "metrics"), ["traces", "metrics"])])
def test_signals_that_the_project_did_not_ask_for_are_filtered_out(scene, signals, sent):
    scene.pipeline(signals=signals)
    for signal in ("logs", "traces", "metrics"):
        scene.arrive([{"s": signal}], signal)
    scene.process()
    assert [record["s"] for body in scene.outbound.bodies for record in body] == sent
    assert scene.counters["filtered"] == 3 - len(sent)


@pytest.mark.parametrize("on_error", ["drop", "forward", "dead_letter"])
@pytest.mark.parametrize("where", ["filter", "transform"])
def test_a_record_on_which_an_expression_fails_goes_where_the_project_says(scene, on_error, where):
    program = ("n > 1", ()) if where == "filter" else (None, [("n", "out", "int")])
    scene.pipeline(*program, on_error=on_error)
    scene.arrive([{"n": 2}, {"bad": True}, {"n": 3}])
    assert scene.process() == []
    kept = [{"n": 2}, {"n": 3}] if where == "filter" else [{"n": 2, "out": 2}, {"n": 3, "out": 3}]
    delivered = [record for body in scene.outbound.bodies for record in body]
    assert [record for record in delivered if "bad" not in record] == kept
    assert ({"bad": True} in delivered) == (on_error == "forward")
    assert scene.dead_bodies() == ([[{"bad": True}]] if on_error == "dead_letter" else [])
    assert scene.counters.get("errored", 0) == (on_error == "drop")
    assert scene.counters.get("dead_lettered", 0) == (on_error == "dead_letter")
    assert "'n'" in scene.counters["filter_error"]


def test_a_record_given_up_for_its_expression_can_be_redriven(scene):
    scene.pipeline("boom", on_error="dead_letter")
    scene.arrive(numbered(1, 2))
    scene.process()
    assert (scene.bus.redrive(RAW), len(scene.dead())) == (2, 0)
    scene.pipeline()
    scene.advance(seconds=2)
    scene.process()
    assert scene.outbound.bodies == [numbered(1, 2)]


@pytest.mark.parametrize("fields", [{"enabled": False}, {"agent_endpoint": None}])
def test_a_paused_pipeline_keeps_its_messages_and_loses_nothing(scene, fields):
    scene.pipeline(**fields)
    ids = scene.arrive(numbered(1))
    assert scene.process() == ids
    assert scene.bus.due() == {}
    scene.pipeline()
    scene.advance(seconds=30)
    assert scene.process() == []
    assert scene.outbound.bodies == [numbered(1)]


def test_a_project_without_a_pipeline_keeps_its_messages(scene):
    ids = scene.arrive(numbered(1))
    assert (scene.process(), scene.outbound.requests) == (ids, [])


def test_records_of_one_event_with_two_projects_go_to_their_own_agents(scene):
    scene.pipeline()
    scene.arrive(numbered(1))
    other = scene.arrive(numbered(2), project_id="nobody")
    assert scene.process() == other
    assert scene.outbound.bodies == [numbered(1)]


@pytest.mark.parametrize(
    ("body", "attributes"),
    [
        ("{", {}),
        ("[]", {"schema_version": "99"}),
        ("[1]", {}),
        ("!", {"content_encoding": "gzip"}),
        ("!", {"content_encoding": "gzip", "request_id": "6d0f5a0e-5f0c-4b57-9d0a-3f1f6f6f7a10"}),
    ],
)
def test_a_message_that_cannot_be_read_is_given_up_and_its_neighbours_are_not(scene, body, attributes):
    scene.pipeline()
    scene.bus.publish(RAW, [Message(body, {"project_id": PROJECT, **attributes})])
    scene.arrive(numbered(1))
    assert scene.process() == []
    assert scene.outbound.bodies == [numbered(1)]
    assert scene.bus.dead_letters(RAW).items[0].body == body


def test_a_packed_message_that_unpacks_to_too_much_is_given_up(scene):
    from headrace.compression import encode_gzip_text

    scene.pipeline()
    body = encode_gzip_text(orjson.dumps([{"n": "x" * 100_000_000}]))
    scene.bus.publish(RAW, [Message(body, {"project_id": PROJECT, "content_encoding": "gzip"})])
    assert scene.process() == []
    assert "the limit is" in scene.dead()[0]


def test_a_table_that_is_down_costs_counts_and_no_records(scene):
    from headrace.errors import Unavailable

    scene.pipeline()
    scene.arrive(numbered(1))
    scene.telemetry.outage = Unavailable("down")
    assert scene.process() == []
    assert scene.outbound.bodies == [numbered(1)]
    assert any(event["event"] == "counts_lost" for event in scene.events)


@pytest.mark.parametrize("limit", [1, 2, 3, 8])
def test_no_more_requests_are_under_way_than_the_project_allows(scene, limit):
    from threading import Lock

    from headrace.ports.outbound import OutboundResponse

    under_way, most, lock = [], [], Lock()

    def answer(request):
        with lock:
            under_way.append(request)
            most.append(len(under_way))
        with lock:
            under_way.remove(request)
        return OutboundResponse(200, {}, b"")

    scene.outbound.will(answer)
    scene.pipeline(max_concurrency=limit, batch_size=1)
    scene.arrive(numbered(*range(40)))
    scene.process()
    assert len(scene.outbound.requests) == 40
    assert max(most) <= limit


def test_with_a_signing_secret_requests_to_the_agent_are_signed_and_keep_their_id_when_retried(scene):
    old = OldSecret("whsec_" + "b2xk" * 8, scene.clock.now_unix_nano() + 10**12)
    scene.pipeline(signing_secret=SECRET, old_secrets=(old,))
    scene.outbound.will(500, 200)
    scene.arrive([{"n": 1}])
    scene.process()
    scene.advance(seconds=1)
    scene.process()
    first, second = scene.outbound.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == first.headers["X-Request-ID"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    now = datetime.fromtimestamp(scene.clock.now_unix_nano() / 1e9, UTC)
    for request in (first, second):
        for secret in (SECRET, old.secret):
            verify_request(request.body, request.headers, secret, now=now)


def test_without_a_signing_secret_requests_to_the_agent_have_no_such_headers(scene):
    scene.pipeline()
    scene.arrive([{"n": 1}])
    scene.process()
    assert not [name for name in scene.outbound.requests[0].headers if name.startswith("webhook-")]
