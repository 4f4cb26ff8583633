"""Contract section 6, row by row: outputs to webhooks and Slack."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from headrace.errors import InvalidInput
from headrace.ports.bus import Message, QueueStats
from headrace.ports.notifier import Notified
from headrace.ports.outbound import NoAnswer, OutboundResponse
from headrace.ports.secrets import OldSecret
from headrace.route.domain.delivery import SINK_LADDER
from headrace_sdk import verify_request
from tests.fakes.notifier import TAKEN
from tests.unit.scene import OUTPUT, PROJECT, Scene

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SILENCE = NoAnswer("gave no answer within 10 s")
FINDING = {"title": "Pool exhausted", "severity": "critical"}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def sent_to(scene):
    return sorted(request.url for request in scene.outbound.requests)


def until_due(scene):
    for _ in range(200):
        if scene.bus.due():
            return
        scene.advance(minutes=15)
    raise AssertionError("nothing will ever be due")


def test_each_output_goes_to_every_enabled_sink(scene):
    for name, enabled in (("a", True), ("b", True), ("off", False)):
        scene.sink(name, enabled=enabled)
    scene.say(FINDING)
    assert scene.deliver() == []
    assert sent_to(scene) == ["http://a.example/hook", "http://b.example/hook"]
    assert scene.counters["sink_deliveries"] == 2
    assert scene.bus.stats(OUTPUT) == QueueStats(0, 0, 0)


def test_without_a_sink_an_output_is_done(scene):
    scene.say(FINDING)
    assert (scene.deliver(), scene.bus.stats(OUTPUT), scene.counters) == ([], QueueStats(0, 0, 0), {})


@pytest.mark.parametrize("payload", [FINDING, [], None, "text", 7, 2**63, 1.5, {"é": ["✓"]}])
def test_a_webhook_gets_the_payload_as_it_is(scene, payload):
    scene.sink(method="PUT", headers={"X-Secret": "s"}, timeout=timedelta(seconds=7))
    scene.say(payload, request_id="r-1")
    scene.deliver()
    (request,) = scene.outbound.requests
    assert orjson.loads(request.body) == payload
    assert (request.method, request.timeout) == ("PUT", timedelta(seconds=7))
    assert request.headers["X-Secret"] == "s"
    assert request.headers["Content-Type"] == "application/json"
    assert (request.headers["X-Project-ID"], request.headers["X-Request-ID"]) == (PROJECT, "r-1")
    assert request.headers["webhook-timestamp"] == str(scene.clock.now_unix_nano() // 10**9)


@pytest.mark.parametrize(
    "body", [b'{"n": 123456789012345678901234567890, "x": 1e300}', b' { "a" : 1.0 } ', b'"\xc3\xa9"', b"1.10"]
)
def test_without_a_template_a_webhook_gets_the_very_bytes_of_the_agent(scene, body):
    scene.sink()
    scene.bus.publish(OUTPUT, [Message(body.decode(), {"project_id": PROJECT})])
    scene.outbound.will(503, 200)
    scene.deliver()
    scene.advance(seconds=5)
    scene.deliver()
    assert [request.body for request in scene.outbound.requests] == [body, body]


def test_a_webhook_with_secrets_is_signed_with_each_that_is_valid_and_anew_at_every_attempt(scene):
    old = OldSecret("whsec_" + "b2xk" * 8, scene.clock.now_unix_nano() + 4_000_000_000)
    scene.sink(signing_secret=SECRET, old_secrets=(old, OldSecret("whsec_" + "Z29uZQ" * 4, 0)))
    scene.outbound.will(500, 200)
    scene.say(FINDING)
    scene.deliver()
    scene.advance(seconds=5)
    scene.deliver()
    first, second = scene.outbound.requests
    assert [len(each.headers["webhook-signature"].split()) for each in (first, second)] == [2, 1]
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    now = datetime.fromtimestamp(scene.clock.now_unix_nano() / 1e9, UTC)
    for secret in (SECRET, old.secret):
        verify_request(first.body, first.headers, secret, now=now)
    assert verify_request(second.body, second.headers, SECRET, now=now).timestamp == now


def test_slack_is_not_signed(scene):
    scene.sink(kind="slack", signing_secret=None)
    scene.say(FINDING)
    scene.deliver()
    assert "webhook-signature" not in scene.outbound.requests[0].headers


def test_a_service_of_apprise_is_told_title_body_and_how_urgent_it_is(scene):
    scene.sink(kind="apprise", url="mailto://u:p@example.com")
    scene.say({**FINDING, "summary": "12 connections", "service": "payment"}, request_id="r-1")
    scene.deliver()
    (told,) = scene.notifier.sent
    assert (told.title, told.level) == ("Pool exhausted", "failure")
    assert told.body == "12 connections\n\nservice: payment\n\nRequest r-1"
    assert scene.counters["sink_deliveries"] == 1


@pytest.mark.parametrize(
    ("shaped", "title", "body", "level"),
    [
        ("only text", "Pool exhausted", "only text", "failure"),
        ({"title": "T", "body": "B", "severity": "warning"}, "T", "B", "warning"),
        ({"body": 7}, "Pool exhausted", "7", "failure"),
        ({"summary": "other"}, "Agent output", "other", "info"),
    ],
)
def test_a_template_says_what_a_service_of_apprise_is_told(scene, shaped, title, body, level):
    scene.sink(kind="apprise", url="mailto://u:p@example.com", template="n")
    scene.say({**FINDING, "n": shaped})
    scene.deliver()
    (told,) = scene.notifier.sent
    assert (told.title, told.body, told.level) == (title, body, level)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Notified(False, None, "the mail server is away"), "retry"),
        (Notified(False, OutboundResponse(429, {"retry-after": "5"}, b"")), "retry"),
        (NoAnswer("gave no answer within 10 s"), "retry"),
        (Notified(False, OutboundResponse(401, {}, b"no such token")), "dead"),
        (InvalidInput("was refused by the mail server: 550 no such user"), "dead"),
    ],
)
def test_a_service_of_apprise_is_tried_again_or_given_up_like_any_sink(scene, answer, verdict):
    scene.sink(kind="apprise", url="mailto://u:p@example.com")
    scene.notifier.will(answer, TAKEN)
    scene.say(FINDING)
    assert scene.deliver() == []
    assert len(scene.dead(OUTPUT)) == (verdict == "dead")
    scene.advance(seconds=5)
    scene.deliver()
    assert len(scene.notifier.sent) == (2 if verdict == "retry" else 1)


def test_a_large_output_arrives_whole(scene):
    scene.sink()
    scene.say(["x" * 1000] * 250)
    scene.deliver()
    assert scene.outbound.bodies == [["x" * 1000] * 250]


def test_the_headers_of_a_user_do_not_replace_ours(scene):
    scene.sink(headers={"webhook-id": "forged", "X-Project-ID": "forged"})
    scene.say(FINDING)
    scene.deliver()
    (request,) = scene.outbound.requests
    assert "forged" not in request.headers.values()


def test_without_a_request_id_the_id_that_the_agent_was_told_stands_for_it(scene):
    scene.sink()
    told = scene.say(FINDING)
    scene.deliver()
    assert scene.outbound.requests[0].headers["X-Request-ID"] == told


def test_slack_gets_readable_blocks(scene):
    scene.sink(kind="slack", method="PUT")
    scene.say(FINDING, request_id="r-1")
    scene.deliver()
    (request,) = scene.outbound.requests
    assert request.method == "POST"
    assert orjson.loads(request.body)["text"] == "🔴 Pool exhausted"


def test_a_template_shapes_the_body(scene):
    scene.sink("a", template="shape")
    scene.sink("b", kind="slack", template="n")
    scene.say({"n": "seven"})
    scene.deliver()
    bodies = {request.url: orjson.loads(request.body) for request in scene.outbound.requests}
    assert bodies == {"http://a.example/hook": {"shaped": {"n": "seven"}}, "http://b.example/hook": {"text": "seven"}}


def test_a_filter_keeps_outputs_away_from_a_sink(scene):
    scene.sink("a", filter="n > 1")
    scene.sink("b")
    scene.say({"n": 1})
    scene.deliver()
    assert sent_to(scene) == ["http://b.example/hook"]
    assert scene.counters["sink_deliveries"] == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"filter": "boom"}, "boom"), ({"template": "boom"}, "boom"), ({"template": "nothing"}, "nothing")],
)
def test_an_expression_that_fails_gives_up_that_delivery_with_the_reason_and_no_other(scene, fields, words):
    scene.sink("a", **fields)
    scene.sink("b")
    scene.say(FINDING)
    assert scene.deliver() == []
    assert sent_to(scene) == ["http://b.example/hook"]
    assert words in scene.dead(OUTPUT)[0]


@pytest.mark.parametrize("answer", [408, 429, 500, 503, SILENCE])
def test_a_sink_climbs_the_ladder_alone_and_is_given_up_at_its_end(scene, answer):
    scene.sink("a")
    scene.sink("b")
    scene.outbound.will(lambda request: _fail_a(request, answer))
    scene.say(FINDING)
    waits = []
    for _ in SINK_LADDER:
        assert len(scene.deliver()) <= 1
        waits.append(_wait(scene))
    assert scene.deliver() == []
    assert tuple(waits) == SINK_LADDER
    assert sent_to(scene).count("http://b.example/hook") == 1
    assert sent_to(scene).count("http://a.example/hook") == len(SINK_LADDER) + 1
    assert [reason.startswith("sink a ") for reason in scene.dead(OUTPUT)] == [True]


def _fail_a(request, answer):
    if "//a." not in request.url:
        return OutboundResponse(200, {}, b"")
    if isinstance(answer, Exception):
        raise answer
    return OutboundResponse(answer, {}, b"")


def _wait(scene):
    """How long until something is due; to the second."""
    start, step = scene.clock.now_unix_nano(), timedelta(seconds=1)
    while not scene.bus.due():
        scene.clock.advance(step)
    return timedelta(microseconds=(scene.clock.now_unix_nano() - start) // 1000)


def test_an_id_stays_over_retries_and_differs_between_sinks_and_outputs(scene):
    scene.sink("a")
    scene.sink("b")
    scene.outbound.will(500)
    for payload in ("one", "two"):
        scene.say(payload)
    for _ in range(3):
        scene.deliver()
        until_due(scene)
    ids: dict = {}
    for request in scene.outbound.requests:
        ids.setdefault((request.url, request.body), set()).add(request.headers["webhook-id"])
    assert len(ids) == 4
    assert all(len(each) == 1 for each in ids.values())
    assert len(set.union(*ids.values())) == 4


def test_retry_after_wins_over_the_ladder(scene):
    scene.sink()
    scene.outbound.will(OutboundResponse(503, {"Retry-After": "90"}, b""))
    scene.say(FINDING)
    scene.deliver()
    assert _wait(scene) == timedelta(seconds=90)


@pytest.mark.parametrize("status", [400, 401, 404, 301])
def test_an_answer_that_will_not_change_gives_the_delivery_up_at_once(scene, status):
    scene.sink("a")
    scene.outbound.will(status)
    scene.say(FINDING)
    assert scene.deliver() == []
    assert f"answered {status}" in scene.dead(OUTPUT)[0]
    assert scene.counters["sink_dead_lettered"] == 1
    assert scene.bus.stats(OUTPUT).depth == 0


def test_what_was_given_up_goes_to_its_sink_alone_when_it_is_redriven(scene):
    scene.sink("a")
    scene.sink("b")
    scene.outbound.will(lambda request: _fail_a(request, 404))
    scene.say(FINDING)
    scene.deliver()
    scene.outbound.will(200)
    assert scene.bus.redrive(OUTPUT) == 1
    scene.deliver()
    assert sent_to(scene) == ["http://a.example/hook"] * 2 + ["http://b.example/hook"]


def test_410_disables_the_sink_and_says_so(scene):
    scene.sink("a")
    scene.outbound.will(410)
    scene.say(FINDING)
    assert scene.deliver() == []
    (stored,) = [item for item in scene.config.items if item["sk"] == "sink#a"]
    assert (stored["enabled"], stored["disabled_reason"]) == (False, "it answered 410")
    assert any(event["event"] == "sink_disabled" for event in scene.events)
    scene.say("another")
    scene.deliver()
    assert len(scene.outbound.requests) == 1
    assert len(scene.dead(OUTPUT)) == 1


def test_a_sink_that_was_deleted_meanwhile_is_not_brought_back_by_410(scene):
    scene.sink("a")

    def answer(_):
        scene.config.delete(f"project#{PROJECT}", "sink#a")
        return OutboundResponse(410, {}, b"")

    scene.outbound.will(answer)
    scene.say(FINDING)
    assert scene.deliver() == []
    assert scene.config.items == []


@pytest.mark.parametrize("fate", ["deleted", "switched off"])
def test_an_output_that_waits_for_a_sink_that_went_becomes_a_dead_letter(scene, fate):
    scene.sink("a")
    scene.outbound.will(500)
    scene.say(FINDING)
    scene.deliver()
    if fate == "deleted":
        scene.config.delete(f"project#{PROJECT}", "sink#a")
    else:
        scene.sink("a", enabled=False)
    until_due(scene)
    assert scene.deliver() == []
    assert scene.bus.stats(OUTPUT) == QueueStats(depth=0, in_flight=0, dead_letters=1)
    assert scene.bus.dead_letters(OUTPUT).items[0].reason == "its sink was switched off or deleted"


def test_sinks_that_the_table_gives_page_by_page_all_get_the_output(scene, monkeypatch):
    query = scene.config.query
    monkeypatch.setattr(scene.config, "query", lambda wanted, **how: query(wanted, **{**how, "limit": 1}))
    for name in ("a", "b", "c"):
        scene.sink(name)
    scene.say(FINDING)
    assert scene.deliver() == []
    assert len(scene.outbound.requests) == 3
