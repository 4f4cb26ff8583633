"""The pipeline by the management API: what is stored, what starts and stops, who wins, and what a trial shows."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from headrace.errors import Unavailable
from headrace.ports.items import project_pk
from headrace.route.wire.items import PIPELINE
from tests.unit.desk import AGENT, Desk

DEFAULTS = {
    "agent_endpoint": None,
    "enabled": True,
    "signals": ["logs"],
    "filter": None,
    "transforms": [],
    "on_error": "drop",
    "batch_size": 10,
    "batch_window_ms": 1000,
    "timeout_seconds": 30,
    "max_concurrency": 4,
    "signing_secret": None,
}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WELL = {
    "old_signing_secrets_until": None,
    "agent_health": {
        "state": "ok", "failing_since": None, "last_success_at": None, "last_error": None, "last_error_at": None,
    },
}  # fmt: skip
PAUSED = {**WELL, "agent_health": {**WELL["agent_health"], "state": "disabled"}}
TRANSFORM = {"expression": "body", "output_name": "a.b", "output_type": "string"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def consumed(desk) -> bool:
    (raw,) = [each for each in desk.wiring.subscriptions() if each.queue == desk.raw]
    return raw.active


# --- what is stored -------------------------------------------------------------------------------------------


def test_without_a_pipeline_there_are_the_defaults_at_version_0(desk):
    reply = desk.get("/pipeline", role="viewer")
    assert (reply.status, reply.headers["etag"]) == (200, '"0"')
    assert reply.json == {**DEFAULTS, **PAUSED, "version": 0, "updated_at": None}


def test_what_is_saved_is_answered_and_read_again(desk):
    body = {**DEFAULTS, "agent_endpoint": AGENT, "filter": "severityNumber >= 17", "transforms": [TRANSFORM]}
    saved = desk.put("/pipeline", body, role="editor")
    assert (saved.status, saved.headers["etag"]) == (200, '"1"')
    shown = {**body, **WELL, "version": 1, "updated_at": "2023-11-14T22:13:20Z"}
    assert saved.json == shown == desk.get("/pipeline").json


def test_what_a_body_leaves_out_gets_its_default(desk):
    desk.put("/pipeline", {"agent_endpoint": AGENT, "batch_size": 500})
    assert desk.put("/pipeline", {"filter": "body"}).json == {
        **DEFAULTS,
        **PAUSED,
        "filter": "body",
        "version": 2,
        "updated_at": "2023-11-14T22:13:20Z",
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"batchsize": 1}, "batchsize"),
        ({"batch_size": "10"}, "batch_size"),
        ({"agent_endpoint": "agent:8000"}, "agent_endpoint"),
        ({"transforms": [TRANSFORM, {**TRANSFORM, "output_type": "text"}]}, "transforms.1.output_type"),
        ({"signing_secret": "too short"}, "signing_secret"),
        ({"signing_secret": "***"}, "signing_secret"),
    ],
)
def test_what_cannot_work_is_refused_by_its_field_and_nothing_is_stored(desk, body, field):
    reply = desk.put("/pipeline", body)
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, field)
    assert desk.get("/pipeline").json["version"] == 0


def test_an_expression_that_cannot_run_is_refused_with_its_place_and_a_hint(desk):
    for body, field in (
        ({"filter": "a == b"}, "filter"),
        ({"transforms": [TRANSFORM, {**TRANSFORM, "expression": "a == b"}]}, "transforms.1.expression"),
    ):
        reply = desk.put("/pipeline", body)
        (error,) = reply.json["errors"]
        assert (reply.status, error["field"], error["position"], error["hint"]) == (400, field, 0, "add it")


# --- consumption ----------------------------------------------------------------------------------------------


def test_an_agent_endpoint_starts_consumption_and_clearing_or_pausing_stops_it_without_loss(desk):
    assert not consumed(desk)
    desk.put("/pipeline", {"agent_endpoint": AGENT})
    assert consumed(desk)
    desk.receive("kept")
    for stop in ({}, {"agent_endpoint": ""}, {"agent_endpoint": AGENT, "enabled": False}):
        desk.put("/pipeline", {"agent_endpoint": AGENT})
        assert desk.put("/pipeline", stop).status == 200
        assert not consumed(desk)
    assert desk.status["queues"][desk.raw]["depth"] == 1


def test_deleting_stops_consumption_and_keeps_the_records(desk):
    desk.put("/pipeline", {"agent_endpoint": AGENT, "signing_secret": SECRET})
    desk.receive("kept")
    reply = desk.delete("/pipeline", role="editor")
    assert (reply.status, reply.body) == (204, b"")
    assert not consumed(desk)
    assert {name: desk.get("/pipeline").json[name] for name in DEFAULTS} == DEFAULTS
    assert desk.status["queues"][desk.raw]["depth"] == 1
    assert desk.delete("/pipeline").status == 204


def test_a_change_that_the_engine_did_not_hear_of_is_stored_all_the_same(desk):
    desk.wiring.outage = Unavailable("down")
    assert desk.put("/pipeline", {"agent_endpoint": AGENT}).status == 200
    assert desk.get("/pipeline").json["agent_endpoint"] == AGENT


def test_each_change_is_on_record(desk):
    desk.put("/pipeline", {"agent_endpoint": AGENT})
    desk.clock.advance(seconds=1)
    desk.delete("/pipeline")
    desk.put("/pipeline", {"batch_size": 0})
    assert desk.audit == [("pipeline.save", desk.project_id), ("pipeline.delete", desk.project_id)]


# --- who wins -------------------------------------------------------------------------------------------------


def test_a_change_of_the_version_that_was_read_is_made_and_one_of_an_older_version_is_not(desk):
    etag = desk.get("/pipeline").headers["etag"]
    first = desk.put("/pipeline", {"batch_size": 1}, if_match=etag)
    assert first.status == 200
    late = desk.put("/pipeline", {"batch_size": 2}, if_match=etag)
    assert (late.status, late.json["title"]) == (412, "Precondition Failed")
    assert desk.delete("/pipeline", if_match=etag).status == 412
    assert desk.get("/pipeline").json["batch_size"] == 1
    assert desk.delete("/pipeline", if_match=first.headers["etag"]).status == 204


def test_a_tag_from_before_a_deletion_fits_nothing_that_comes_later(desk):
    etag = desk.put("/pipeline", {"batch_size": 1}).headers["etag"]
    desk.delete("/pipeline")
    desk.put("/pipeline", {"batch_size": 2})
    assert desk.put("/pipeline", {"batch_size": 3}, if_match=etag).status == 412


def test_without_a_tag_and_with_a_star_the_last_one_wins(desk):
    desk.put("/pipeline", {"batch_size": 1})
    desk.put("/pipeline", {"batch_size": 2}, if_match="*")
    assert desk.put("/pipeline", {"batch_size": 3}).json["version"] == 3


@pytest.mark.parametrize("if_match", ['"0"', None])
def test_of_many_changes_at_once_one_wins_with_a_tag_and_all_happen_without_one(desk, if_match):
    barrier = Barrier(8)

    def save(size: int) -> int:
        barrier.wait(10)
        return desk.put("/pipeline", {"batch_size": size}, if_match=if_match).status

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(save, range(1, 9)))
    assert statuses == ([200, *[412] * 7] if if_match else [200] * 8)
    assert desk.get("/pipeline").json["version"] == (1 if if_match else 8)


# --- the secret -----------------------------------------------------------------------------------------------


def test_the_signing_secret_is_never_shown_and_stars_keep_it(desk):
    assert desk.put("/pipeline", {"signing_secret": SECRET}).json["signing_secret"] == "***"
    assert desk.put("/pipeline", {**DEFAULTS, "signing_secret": "***"}).json["signing_secret"] == "***"
    assert desk.configuration.pipeline(desk.project_id).signing_secret == SECRET
    assert desk.put("/pipeline", DEFAULTS).json["signing_secret"] is None
    assert desk.configuration.pipeline(desk.project_id).signing_secret is None


# --- trying expressions ---------------------------------------------------------------------------------------

RECORDS = [{"severityNumber": 17, "body": "a"}, {"severityNumber": 1, "body": "b"}, {"body": "c"}]


def tried(desk, body, **how):
    reply = desk.post("/pipeline/test", body, **how)
    assert reply.status == 200, reply.body
    return [(each["kept"], each["record"], each["error"]) for each in reply.json["results"]]


def test_each_record_shows_whether_it_is_kept_what_it_becomes_and_what_failed(desk):
    body = {"filter": "severityNumber >= 17", "transforms": [TRANSFORM], "records": RECORDS}
    kept, filtered, failed = tried(desk, body, role="viewer")
    assert kept == (True, {**RECORDS[0], "a": {"b": "a"}}, None)
    assert filtered == (False, RECORDS[1], None)
    assert failed[:2] == (False, RECORDS[2])
    assert "severityNumber" in failed[2]


def test_what_is_left_out_is_taken_from_what_is_stored(desk):
    desk.put("/pipeline", {"filter": "body = 'a'", "transforms": [TRANSFORM]})
    assert [kept for kept, _, _ in tried(desk, {"records": RECORDS})] == [True, False, False]
    assert [kept for kept, _, _ in tried(desk, {"filter": None, "records": RECORDS})] == [True] * 3
    assert tried(desk, {"transforms": [], "records": RECORDS})[0] == (True, RECORDS[0], None)


def test_without_records_the_last_ones_received_are_tried(desk):
    assert tried(desk, {}) == []
    desk.receive("a", "b")
    assert [record["body"] for _, record, _ in tried(desk, {"filter": "body"})] == ["a", "b"]
    assert [kept for kept, _, _ in tried(desk, {"filter": "body = 'a'"})] == [True, False]


def test_trying_changes_nothing(desk):
    desk.put("/pipeline", {"filter": "body"})
    desk.receive("a")
    before = (desk.config.items, desk.telemetry.items, desk.status)
    tried(desk, {"filter": "boom", "records": RECORDS})
    tried(desk, {})
    assert (desk.config.items, desk.telemetry.items, desk.status) == before


def test_an_expression_that_cannot_run_on_any_record_is_bad_input(desk):
    (error,) = desk.post("/pipeline/test", {"filter": "x != y", "records": []}).json["errors"]
    assert (error["field"], error["position"], error["hint"]) == ("filter", 0, "add it")


def test_what_no_answer_could_carry_is_an_error_of_its_record(desk):
    deep = {"expression": "deep", "output_name": "x", "output_type": "json"}
    ((kept, record, error),) = tried(desk, {"transforms": [deep], "records": RECORDS[:1]})
    assert (kept, record) == (False, RECORDS[0])
    assert "cannot be written" in error


# --- damage and outage ----------------------------------------------------------------------------------------


def test_a_damaged_pipeline_is_unavailable_and_can_be_saved_again(desk):
    desk.put("/pipeline", {"agent_endpoint": AGENT})
    damaged = desk.config.get(project_pk(desk.project_id), PIPELINE)
    desk.config.put({**damaged, "batch_size": "many"})
    assert desk.get("/pipeline").status == 503
    assert desk.put("/pipeline", {"agent_endpoint": AGENT}).status == 200
    assert desk.get("/pipeline").json["version"] == 2


def test_the_last_failure_of_an_expression_is_forgotten_with_the_expressions(desk):
    desk.put("/pipeline", {"agent_endpoint": AGENT, "filter": "boom"})
    desk.receive("a")
    desk.process()
    assert "boom" in desk.status["filter_error"]
    desk.put("/pipeline", {"agent_endpoint": AGENT, "filter": "body"})
    assert desk.status["filter_error"] is None
    assert desk.status["errored"] == 1
