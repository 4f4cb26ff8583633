"""An address inside is refused when it is saved, by the name of its field; see `tests/corpora/hostile_urls.jsonl`."""

import pytest

from tests.unit.desk import Desk

INSIDE = "https://intranet.example/services/T/B/secret"


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.outbound.refused.add("intranet.example")
    return made


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "/pipeline", {"agent_endpoint": INSIDE}, "agent_endpoint"),
        ("POST", "/sinks", {"type": "webhook", "url": INSIDE}, "url"),
        ("POST", "/sinks", {"type": "slack", "webhook_url": INSIDE}, "webhook_url"),
    ],
)
def test_an_address_inside_is_refused_by_its_field_and_nothing_is_stored(desk, method, path, body, field):
    reply = desk.call(method, path, body)
    (error,) = reply.json["errors"]
    assert (reply.status, error["field"]) == (400, field)
    assert "leads inside" in error["message"]
    assert desk.get("/pipeline").json["agent_endpoint"] is None
    assert desk.get("/sinks").json["items"] == []


def test_a_change_to_an_address_inside_is_refused_and_what_was_there_stays(desk):
    hook = {"type": "webhook", "url": "https://hooks.example/"}
    sink_id = desk.post("/sinks", hook).json["id"]
    assert desk.put(f"/sinks/{sink_id}", {**hook, "url": INSIDE}).status == 400
    assert desk.get(f"/sinks/{sink_id}").json["url"] == hook["url"]


def test_trying_a_sink_that_leads_inside_by_now_says_so(desk):
    sink_id = desk.post("/sinks", {"type": "webhook", "url": "https://moved.example/"}).json["id"]
    desk.outbound.refused.add("moved.example")
    tried = desk.post(f"/sinks/{sink_id}/test", {}).json
    assert (tried["sent"], tried["error"][:34]) == (False, "it leads inside: moved.example is ")
