"""Sinks by the management API: what is stored, which secrets stay secret, and what a test sends."""

from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from headrace.ports.items import project_pk
from headrace.ports.notifier import Notified
from headrace.ports.outbound import NoAnswer, OutboundResponse
from tests.fakes.notifier import TAKEN
from tests.unit.desk import HOOK, SLACK, Desk

MAIL = {"type": "apprise", "url": "mailto://user:password@example.com"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WITH_SECRETS = {**HOOK, "headers": {"Authorization": "Bearer topsecret"}, "signing_secret": SECRET}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def added(desk, body=HOOK) -> str:
    reply = desk.post("/sinks", body)
    assert reply.status == 201, reply.body
    return str(reply.json["id"])


def opened(desk):
    """What the data path uses."""
    (sink,) = desk.configuration.sinks(desk.project_id)
    return sink


# --- what is stored -------------------------------------------------------------------------------------------


def test_a_webhook_is_answered_whole_with_its_defaults(desk):
    reply = desk.post("/sinks", HOOK, role="editor")
    assert (reply.status, reply.headers["etag"]) == (201, '"1"')
    assert reply.json == {
        **HOOK,
        "id": reply.json["id"],
        "name": "",
        "enabled": True,
        "filter": None,
        "template": None,
        "method": "POST",
        "headers": {},
        "signing_secret": None,
        "timeout_seconds": 10,
        "version": 1,
        "updated_at": "2023-11-14T22:13:20Z",
        "disabled_reason": None,
        "health": {
            "state": "ok",
            "failing_since": None,
            "last_success_at": None,
            "last_error": None,
            "last_error_at": None,
            "dead_lettered": 0,
        },
        "old_signing_secrets_until": None,
    }
    again = desk.get(f"/sinks/{reply.json['id']}", role="viewer")
    assert (again.json, again.headers["etag"]) == (reply.json, '"1"')


def test_the_address_of_a_slack_sink_is_a_secret(desk):
    sink_id = added(desk, SLACK)
    assert desk.get(f"/sinks/{sink_id}").json["webhook_url"] == "***"
    assert opened(desk).url == SLACK["webhook_url"]


def test_sinks_are_listed_page_by_page(desk):
    ids = {added(desk, {**HOOK, "name": str(number)}) for number in range(5)}
    first = desk.get("/sinks", limit=3, role="viewer").json
    second = desk.get("/sinks", limit=3, cursor=first["next_cursor"]).json
    assert {each["id"] for each in (*first["items"], *second["items"])} == ids
    assert (len(first["items"]), second["next_cursor"]) == (3, None)


def test_a_change_replaces_the_whole_sink(desk):
    sink_id = added(desk, {**WITH_SECRETS, "filter": "title"})
    reply = desk.put(f"/sinks/{sink_id}", {**HOOK, "name": "new"}, role="editor")
    assert (reply.status, reply.headers["etag"], reply.json["version"]) == (200, '"2"', 2)
    assert (reply.json["name"], reply.json["filter"], reply.json["headers"]) == ("new", None, {})
    assert reply.json["signing_secret"] is None


def test_a_removed_sink_is_gone(desk):
    sink_id = added(desk)
    assert desk.delete(f"/sinks/{sink_id}", role="editor").status == 204
    for reply in (
        desk.get(f"/sinks/{sink_id}"),
        desk.put(f"/sinks/{sink_id}", HOOK),
        desk.delete(f"/sinks/{sink_id}"),
        desk.post(f"/sinks/{sink_id}/test", {}),
    ):
        assert (reply.status, reply.detail) == (404, "there is no such sink")


def test_a_project_has_at_most_a_hundred_sinks(desk):
    for _ in range(100):
        added(desk)
    reply = desk.post("/sinks", HOOK)
    assert (reply.status, "at most 100 sinks" in reply.detail) == (409, True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "https://x.example/"}, "type"),
        ({**HOOK, "type": "email"}, "type"),
        ({**HOOK, "colour": "red"}, "colour"),
        ({**HOOK, "headers": {"Host": "elsewhere"}}, "headers.Host"),
        ({**HOOK, "headers": {"X-Token": "***"}}, "headers.X-Token"),
        ({**HOOK, "headers": {"X-Token": "a\r\nX-Forged: b"}}, "headers.X-Token"),
        ({**HOOK, "headers": {"X-Token\r\nX": "a"}}, "headers.X-Token\r\nX"),
        ({**HOOK, "url": "https://user:password@x.example/"}, "url"),
        ({**HOOK, "url": "https://x.example:99999/"}, "url"),
        ({**MAIL, "url": "mailto:somebody"}, "url"),
        ({**MAIL, "url": "mailto://a b"}, "url"),
        ({**MAIL, "url": "***"}, "url"),
        ({**MAIL, "headers": {}}, "headers"),
        ({**HOOK, "signing_secret": "***"}, "signing_secret"),
        ({**SLACK, "webhook_url": "https://acme.slack.com/archives/C1"}, "webhook_url"),
        ({**SLACK, "webhook_url": "***"}, "webhook_url"),
        ({**HOOK, "template": "nowhere"}, "template"),
        ({**HOOK, "filter": "nowhere"}, "filter"),
    ],
)
def test_what_cannot_work_is_refused_by_its_field(desk, body, field):
    reply = desk.post("/sinks", body)
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, field)
    assert desk.get("/sinks").json["items"] == []


def test_each_change_is_on_record_and_a_refused_one_is_not(desk):
    sink_id = added(desk)
    for change in (lambda: desk.put(f"/sinks/{sink_id}", HOOK), lambda: desk.delete(f"/sinks/{sink_id}")):
        desk.clock.advance(seconds=1)
        change()
    desk.post("/sinks", {**HOOK, "url": "nowhere"})
    assert desk.audit == [("sink.create", sink_id), ("sink.save", sink_id), ("sink.delete", sink_id)]


# --- who wins -------------------------------------------------------------------------------------------------


def test_a_change_of_an_older_version_is_refused(desk):
    sink_id = added(desk)
    assert desk.put(f"/sinks/{sink_id}", HOOK, if_match='"1"').status == 200
    assert desk.put(f"/sinks/{sink_id}", HOOK, if_match='"1"').status == 412
    assert desk.delete(f"/sinks/{sink_id}", if_match='"1"').status == 412
    assert desk.delete(f"/sinks/{sink_id}", if_match='"2"').status == 204


def test_of_many_changes_of_one_version_one_is_made(desk):
    sink_id = added(desk)
    with ThreadPoolExecutor(8) as pool:
        replies = pool.map(lambda n: desk.put(f"/sinks/{sink_id}", {**HOOK, "name": str(n)}, if_match='"1"'), range(8))
    assert sorted(reply.status for reply in replies) == [200, *[412] * 7]


def test_who_has_not_seen_that_a_sink_was_switched_off_cannot_switch_it_on_again(desk):
    sink_id = added(desk)
    desk.configuration.disable_sink(desk.project_id, opened(desk), "it answered 410")
    shown = desk.get(f"/sinks/{sink_id}")
    assert (shown.json["enabled"], shown.json["disabled_reason"]) == (False, "it answered 410")
    assert desk.put(f"/sinks/{sink_id}", HOOK, if_match='"1"').status == 412
    again = desk.put(f"/sinks/{sink_id}", HOOK, if_match=shown.headers["etag"]).json
    assert (again["enabled"], again["disabled_reason"]) == (True, None)


# --- secrets --------------------------------------------------------------------------------------------------


def test_secrets_are_shown_as_stars_and_used_as_they_are(desk):
    sink_id = added(desk, WITH_SECRETS)
    for shown in (desk.get(f"/sinks/{sink_id}").json, desk.get("/sinks").json["items"][0]):
        assert (shown["headers"], shown["signing_secret"]) == ({"Authorization": "***"}, "***")
    desk.say({"title": "t"})
    desk.deliver()
    assert desk.outbound.requests[0].headers["Authorization"] == "Bearer topsecret"
    assert opened(desk).signing_secret == SECRET


def test_stars_keep_a_secret_whatever_the_case_of_the_headers_name(desk):
    sink_id = added(desk, WITH_SECRETS)
    change = {**HOOK, "headers": {"authorization": "***", "X-New": "new"}, "signing_secret": "***"}
    assert desk.put(f"/sinks/{sink_id}", change).status == 200
    assert opened(desk).headers == {"authorization": "Bearer topsecret", "X-New": "new"}
    assert opened(desk).signing_secret == SECRET


def test_stars_for_what_was_never_stored_are_bad_input(desk):
    sink_id = added(desk, WITH_SECRETS)
    for change, field in (
        ({**HOOK, "headers": {"X-Other": "***"}}, "headers.X-Other"),
        ({**SLACK, "webhook_url": "***"}, "webhook_url"),
    ):
        reply = desk.put(f"/sinks/{sink_id}", change)
        assert (reply.status, reply.json["errors"][0]["field"]) == (400, field)


@pytest.mark.parametrize(
    "url", ["https://elsewhere.example/x", "http://hooks.example.com/x", "https://hooks.example.com:8443/x"]
)
def test_a_header_is_not_sent_to_another_host_by_who_does_not_know_its_value(desk, url):
    sink_id = added(desk, {**WITH_SECRETS, "url": "https://hooks.example.com/in"})
    moved = {**WITH_SECRETS, "url": url, "headers": {"authorization": "***"}, "signing_secret": "***"}
    reply = desk.put(f"/sinks/{sink_id}", moved)
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, "headers.authorization")
    assert opened(desk).url == "https://hooks.example.com/in"
    assert desk.put(f"/sinks/{sink_id}", {**moved, "headers": {"Authorization": "Bearer known"}}).status == 200
    assert desk.put(f"/sinks/{sink_id}", {**moved, "url": f"{url}?path=other"}).status == 200


def test_stars_keep_the_address_of_a_slack_sink(desk):
    sink_id = added(desk, SLACK)
    reply = desk.put(f"/sinks/{sink_id}", {**SLACK, "webhook_url": "***", "name": "on-call"})
    assert (reply.status, reply.json["webhook_url"]) == (200, "***")
    assert (opened(desk).url, opened(desk).name) == (SLACK["webhook_url"], "on-call")


# --- trying a sink --------------------------------------------------------------------------------------------


def sent(desk, sink_id, body=None, **how):
    reply = desk.post(f"/sinks/{sink_id}/test", body or {}, **how)
    assert reply.status == 200, reply.body
    return reply.json


def test_a_test_sends_a_sample_as_a_delivery_would_and_shows_what_came_back(desk):
    desk.outbound.will(OutboundResponse(201, {}, b"thank you"))
    found = sent(desk, added(desk, WITH_SECRETS), role="editor")
    (request,) = desk.outbound.requests
    assert (request.url, request.method) == (HOOK["url"], "POST")
    assert request.headers["Authorization"] == "Bearer topsecret"
    assert request.headers["X-Request-ID"].startswith("test-")
    assert (found["sent"], found["status"], found["body"], found["error"]) == (True, 201, "thank you", None)
    assert found["ms"] >= 0
    assert found["request"] == {
        "method": "POST",
        "url": HOOK["url"],
        "headers": [
            "Authorization",
            "Content-Type",
            "webhook-id",
            "webhook-signature",
            "webhook-timestamp",
            "X-Project-ID",
            "X-Request-ID",
        ],
        "body": orjson.loads(request.body),
    }
    assert found["kept"]


def test_a_payload_of_ones_own_goes_through_filter_and_template(desk):
    sink_id = added(desk, {**HOOK, "filter": "title", "template": "title", "method": "PUT"})
    found = sent(desk, sink_id, {"payload": {"title": "mine"}})
    assert (found["request"]["method"], desk.outbound.bodies) == ("PUT", ["mine"])
    assert sent(desk, sink_id, {"payload": {"title": ""}})["error"] == "the sink's filter does not keep this payload"
    assert "expressions failed" in sent(desk, sink_id, {"payload": None})["error"]
    assert len(desk.outbound.requests) == 1


def test_the_test_of_a_slack_sink_shows_blocks_and_no_address(desk):
    found = sent(desk, added(desk, SLACK))
    assert (found["sent"], found["request"]["url"]) == (True, "***")
    assert found["request"]["body"]["blocks"]
    assert desk.outbound.requests[0].url == SLACK["webhook_url"]


def test_a_dry_run_shows_the_request_and_sends_nothing(desk):
    found = sent(desk, added(desk), {"payload": [1], "dry_run": True})
    headers = found["request"].pop("headers")
    assert {"Content-Type", "webhook-id"} < set(headers)
    assert found == {
        "kept": True,
        "sent": False,
        "status": None,
        "ms": None,
        "body": None,
        "error": None,
        "request": {"method": "POST", "url": HOOK["url"], "body": [1]},
    }
    assert desk.outbound.requests == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (404, (True, 404, "answered 404")),
        (302, (True, 302, "answered 302, a redirect, which is not followed: configure the final URL")),
        (NoAnswer("gave no answer within 10 s"), (False, None, "it gave no answer within 10 s")),
    ],
)
def test_an_answer_that_is_no_success_says_so_and_stores_nothing(desk, answer, expected):
    sink_id = added(desk)
    before = desk.config.items
    desk.outbound.will(answer)
    found = sent(desk, sink_id)
    assert (found["sent"], found["status"], found["error"]) == expected
    assert (desk.config.items, desk.bus.stats(desk.output).dead_letters) == (before, 0)


def test_an_answer_that_repeats_our_secrets_is_shown_without_them_and_not_whole(desk):
    repeated = b"you sent Bearer topsecret and " + b"x" * 5000
    desk.outbound.will(OutboundResponse(200, {}, repeated), NoAnswer(f"cannot use {SLACK['webhook_url']}"))
    found = sent(desk, added(desk, WITH_SECRETS))
    assert found["body"].startswith("you sent *** and ")
    assert len(found["body"]) == 2048
    assert sent(desk, added(desk, SLACK))["error"] == "it cannot use ***"


def test_a_payload_that_the_filter_does_not_keep_is_told_apart_from_one_that_fails(desk):
    left_out = sent(desk, added(desk, {**HOOK, "filter": "never"}), {"dry_run": True})
    assert (left_out["kept"], left_out["request"]) == (False, None)
    assert left_out["error"] == "the sink's filter does not keep this payload"
    broken = sent(desk, added(desk, {**HOOK, "template": "boom"}), {"dry_run": True})
    assert (broken["sent"], "boom" in broken["error"]) == (False, True)


def test_a_dry_run_of_a_sink_of_apprise_shows_what_its_service_would_be_told(desk):
    found = sent(desk, added(desk, MAIL), {"payload": {"title": "T", "severity": "critical"}, "dry_run": True})
    assert found["request"]["url"] == "***"
    assert (found["request"]["method"], found["request"]["headers"]) == (None, [])
    assert (found["request"]["body"]["title"], found["request"]["body"]["severity"]) == ("T", "failure")
    assert desk.notifier.sent == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (TAKEN, (True, None, None)),
        (Notified(False, OutboundResponse(403, {}, b"no"), "was refused"), (True, 403, "was refused")),
        (NoAnswer("gave no answer within 10 s"), (False, None, "it gave no answer within 10 s")),
    ],
)
def test_a_sink_of_apprise_is_tried_like_any_other(desk, answer, expected):
    desk.notifier.will(answer)
    found = sent(desk, added(desk, MAIL))
    assert (found["sent"], found["status"], found["error"]) == expected
    assert len(desk.notifier.sent) == 1


def test_an_address_that_apprise_does_not_take_is_refused_without_being_repeated(desk):
    desk.notifier.refused[MAIL["url"]] = f"is not whole: {MAIL['url']}"
    reply = desk.post("/sinks", MAIL)
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, "url")
    assert reply.detail == "url: is not whole: ***"


def test_the_address_of_a_sink_of_apprise_is_a_secret_that_stars_keep(desk):
    sink_id = added(desk, MAIL)
    assert desk.get(f"/sinks/{sink_id}").json["url"] == "***"
    assert desk.put(f"/sinks/{sink_id}", {**MAIL, "url": "***", "name": "mail"}).status == 200
    assert (opened(desk).url, opened(desk).name) == (MAIL["url"], "mail")
    assert desk.put(f"/sinks/{sink_id}", {**SLACK, "webhook_url": "***"}).status == 400


def test_a_template_that_gives_nothing_sends_nothing(desk):
    found = sent(desk, added(desk, {**HOOK, "template": "nothing"}))
    assert (found["sent"], found["request"]) == (False, None)
    assert found["error"] == "the sink was not sent anything, since its template gave nothing"


def test_a_sink_that_is_switched_off_can_be_tried(desk):
    assert sent(desk, added(desk, {**HOOK, "enabled": False}))["sent"]


# --- damage ---------------------------------------------------------------------------------------------------


def test_a_damaged_sink_is_unavailable_until_it_is_mended(desk):
    sink_id = added(desk)
    whole = desk.config.get(project_pk(desk.project_id), f"sink#{sink_id}")
    desk.config.put({**whole, "enabled": "yes"})
    assert desk.get(f"/sinks/{sink_id}").status == 503
    assert desk.delete(f"/sinks/{sink_id}").status == 204
