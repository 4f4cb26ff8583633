"""What the owner of a sink sees of its deliveries: its health, and the last attempts page by page."""

import pytest

from headrace.ports.outbound import NoAnswer, OutboundResponse
from tests.unit.desk import AGENT, HOOK, SLACK, Desk

FINE = {
    "state": "ok", "failing_since": None, "last_success_at": None, "last_error": None, "last_error_at": None,
}  # fmt: skip


@pytest.fixture
def desk() -> Desk:
    return Desk()


def added(desk, body=HOOK) -> str:
    return str(desk.post("/sinks", body).json["id"])


def deliver(desk, *answers, seconds=2):
    desk.outbound.will(*answers)
    desk.say({"title": "t"})
    desk.deliver()
    desk.clock.advance(seconds=seconds)


def shown_health(desk, sink_id):
    """The same in the list and alone."""
    alone = desk.get(f"/sinks/{sink_id}", role="viewer").json["health"]
    (listed,) = [each["health"] for each in desk.get("/sinks").json["items"] if each["id"] == sink_id]
    assert listed == alone
    return alone


def test_a_new_sink_is_well(desk):
    assert shown_health(desk, added(desk)) == {**FINE, "dead_lettered": 0}


def test_a_sink_that_fails_says_since_when_and_with_what(desk):
    sink_id = added(desk)
    deliver(desk, 200)
    deliver(desk, OutboundResponse(503, {}, b"overloaded"))
    assert shown_health(desk, sink_id) == {
        "state": "failing",
        "failing_since": "2023-11-14T22:13:22Z",
        "last_success_at": "2023-11-14T22:13:20Z",
        "last_error": "answered 503: overloaded",
        "last_error_at": "2023-11-14T22:13:22Z",
        "dead_lettered": 0,
    }
    deliver(desk, 404)
    deliver(desk, 200)
    health = shown_health(desk, sink_id)
    assert (health["state"], health["failing_since"], health["dead_lettered"]) == ("ok", None, 1)
    assert health["last_error"] == "answered 404"


def test_a_sink_that_is_gone_is_disabled_and_says_why(desk):
    sink_id = added(desk, SLACK)
    deliver(desk, OutboundResponse(410, {}, b"channel_is_archived"))
    shown = desk.get(f"/sinks/{sink_id}").json
    assert (shown["enabled"], shown["health"]["state"]) == (False, "disabled")
    assert shown["disabled_reason"] == "it answered 410: channel_is_archived (the channel is archived)"


def test_the_agent_has_a_health_too(desk):
    assert desk.get("/pipeline").json["agent_health"] == {**FINE, "state": "disabled"}
    desk.put("/pipeline", {"agent_endpoint": AGENT})
    assert desk.get("/pipeline").json["agent_health"] == FINE
    desk.outbound.will(NoAnswer("could not be reached: refused"), 200)
    desk.receive("a")
    desk.process()
    failing = desk.get("/pipeline").json["agent_health"]
    assert (failing["state"], failing["failing_since"]) == ("failing", "2023-11-14T22:13:20Z")
    assert failing["last_error"] == "could not be reached: refused"
    desk.process_all()
    assert desk.get("/pipeline").json["agent_health"]["state"] == "ok"


# --- the log --------------------------------------------------------------------------------------------------


def test_the_log_shows_the_last_attempts_newest_first(desk):
    sink_id = added(desk)
    deliver(desk, 200)
    deliver(desk, OutboundResponse(400, {}, b"no such field"))
    newest, oldest = desk.get(f"/sinks/{sink_id}/deliveries", role="viewer").json["items"]
    assert newest.pop("ms") >= 0
    assert newest.pop("output_id")
    assert newest == {
        "at": "2023-11-14T22:13:22Z",
        "request_id": "r-1",
        "attempt": 1,
        "ok": False,
        "status": 400,
        "error": "answered 400: no such field",
    }
    assert (oldest["ok"], oldest["status"], oldest["error"]) == (True, 200, None)


def test_the_log_is_read_page_by_page(desk):
    sink_id = added(desk)
    for status in range(400, 407):
        deliver(desk, status)
    seen, cursor = [], None
    while True:
        query = {"limit": 3} if cursor is None else {"limit": 3, "cursor": cursor}
        page = desk.get(f"/sinks/{sink_id}/deliveries", **query).json
        seen.append([each["status"] for each in page["items"]])
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == [[406, 405, 404], [403, 402, 401], [400]]


def test_each_sink_has_a_log_of_its_own(desk):
    one, two = added(desk), added(desk, {**HOOK, "enabled": False})
    deliver(desk, 200)
    assert [len(desk.get(f"/sinks/{each}/deliveries").json["items"]) for each in (one, two)] == [1, 0]


@pytest.mark.parametrize("cursor", ["x", "!", "YQ==", "YSNiI2M=", "é"])
def test_a_cursor_that_is_not_ours_is_bad_input(desk, cursor):
    reply = desk.get(f"/sinks/{added(desk)}/deliveries", cursor=cursor)
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, "cursor")


def test_the_log_of_no_sink_is_not_there(desk):
    assert desk.get("/sinks/nothing/deliveries").status == 404
