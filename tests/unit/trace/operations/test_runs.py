"""Runs as the API shows them: found by what they are looked for, in whatever order their spans came."""

from datetime import timedelta
from typing import Any

import pytest

from headrace.errors import Unavailable
from headrace.trace.domain.tracing import IDLE
from headrace.upkeep.operations.reconcile import reconcile
from tests.fakes.clock import START_UNIX_NANO
from tests.unit.desk import Desk

SECOND = 1_000_000_000
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def span(
    number: int,
    name: str = "invoke_agent planner",
    *,
    parent: int | None = None,
    trace: str | int = TRACE,
    at_s: float = 0,
    lasts_s: float = 1,
    failed: str | None = None,
    kind: int = 1,
    **attributes: Any,
) -> dict[str, Any]:
    """A span in OTLP/JSON; `gen_ai__agent__name="a"` becomes the attribute `gen_ai.agent.name`."""
    start = START_UNIX_NANO + round(at_s * SECOND)
    made: dict[str, Any] = {
        "traceId": trace if isinstance(trace, str) else f"{trace:032x}",
        "spanId": f"{number:016x}",
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + round(lasts_s * SECOND)),
        "attributes": [
            {"key": key.replace("__", "."), "value": {"intValue" if isinstance(value, int) else "stringValue": value}}
            for key, value in attributes.items()
        ],
    }
    if parent is not None:
        made["parentSpanId"] = f"{parent:016x}"
    if failed is not None:
        made["status"] = {"code": 2, "message": failed}
    return made


def agent(number: int, name: str = "planner", **more: Any) -> dict[str, Any]:
    operation = {"gen_ai__operation__name": "invoke_agent", "gen_ai__agent__name": name}
    return span(number, f"invoke_agent {name}", **{**operation, **more})


def call(number: int, parent: int, tokens: int = 10, **more: Any) -> dict[str, Any]:
    facts = {
        "gen_ai__operation__name": "chat",
        "gen_ai__request__model": "gpt-4o-mini",
        "gen_ai__usage__input_tokens": tokens,
        "gen_ai__usage__output_tokens": 2,
    }
    return span(number, "chat gpt-4o-mini", parent=parent, kind=3, **{**facts, **more})


def runs(desk: Desk, **query: Any) -> list[Any]:
    found: list[Any] = desk.get("/runs", **query).json["items"]
    return found


def test_a_run_tells_its_agents_calls_tokens_and_cost(desk: Desk) -> None:
    desk.trace(agent(1, user__id="anna", session__id="s-1"), call(2, 1))
    (run,) = runs(desk)
    assert (run["trace_id"], run["status"], run["service_name"]) == (TRACE, "completed", "desk")
    assert [each["name"] for each in run["agents"]] == ["planner"]
    assert (run["llm_calls"], run["input_tokens"], run["output_tokens"], run["span_count"]) == (1, 10, 2, 2)
    assert (run["user_id"], run["session_id"], run["models"]) == ("anna", "s-1", ["gpt-4o-mini"])
    assert run["cost_usd"] > 0


def test_spans_in_any_order_and_any_number_of_requests_make_one_run(desk: Desk) -> None:
    desk.trace(call(3, 1, at_s=0.5))
    desk.clock.advance(hours=2)
    desk.trace(agent(1, lasts_s=2))
    desk.trace(call(2, 1))
    (run,) = runs(desk)
    assert (run["llm_calls"], run["input_tokens"], run["span_count"], run["status"]) == (2, 20, 3, "completed")


def test_a_request_sent_twice_counts_once(desk: Desk) -> None:
    for _ in range(2):
        desk.trace(agent(1), call(2, 1))
    desk.trace(call(2, 1))
    (run,) = runs(desk)
    assert (run["llm_calls"], run["span_count"]) == (1, 2)


def test_a_run_without_its_root_runs_then_times_out_and_a_late_span_reopens_it(desk: Desk) -> None:
    desk.trace(call(2, 1))
    assert [run["status"] for run in runs(desk)] == ["running"]
    assert [run["status"] for run in runs(desk, status="running")] == ["running"]
    desk.clock.advance(seconds=IDLE.total_seconds() + 1)
    assert [run["status"] for run in runs(desk, status="timed_out")] == ["timed_out"]
    assert runs(desk, status="running") == []
    desk.trace(call(3, 1))
    assert [run["status"] for run in runs(desk, status="running")] == ["running"]
    desk.trace(agent(1))
    assert [run["status"] for run in runs(desk)] == ["completed"]
    assert runs(desk, status="running") == []


def test_lists_are_newest_first_and_pages_fit_together(desk: Desk) -> None:
    for number in range(1, 8):
        desk.trace(agent(number, trace=number, at_s=number))
    found, cursor = [], None
    while True:
        page = desk.get("/runs", limit=3, **({} if cursor is None else {"cursor": cursor})).json
        found += [int(run["trace_id"], 16) for run in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("query", "traces"),
    [
        ({"agent": "booker"}, [2]),
        ({"user_id": "ben"}, [2]),
        ({"session_id": "s-1"}, [1]),
        ({"status": "failed"}, [2]),
        ({"status": "completed"}, [3, 1]),
        ({"status": "completed", "agent": "planner"}, [3, 1]),
        ({"error_type": "llm_error"}, [2]),
        ({"error_type": "none"}, [3, 1]),
        ({"error_type": "llm_error", "status": "completed"}, []),
        ({"min_duration_ms": 4000}, [3]),
        ({"min_cost_usd": 1}, [3]),
        ({"framework": "crewai"}, []),
        ({"user_id": "ben", "status": "completed"}, []),
        ({"since": "2023-11-14T22:13:30Z"}, [3]),
        ({"until": "2023-11-14T22:13:21Z"}, [1]),
    ],
)
def test_runs_are_found_by_what_holds_of_them(desk: Desk, query: dict[str, Any], traces: list[int]) -> None:
    assert START_UNIX_NANO // SECOND == 1_700_000_000  # 2023-11-14T22:13:20Z, for the times above
    desk.trace(agent(1, trace=1, user__id="anna", session__id="s-1"))
    desk.trace(
        agent(2, "booker", trace=2, at_s=5, user__id="ben", failed="no answer"),
        call(3, 2, trace=2, at_s=5, failed="500: overloaded", error__type="InternalServerError"),
    )
    desk.trace(agent(4, trace=3, at_s=15, lasts_s=5), call(5, 4, trace=3, at_s=15, tokens=100_000_000))
    assert [int(run["trace_id"], 16) for run in runs(desk, **query)] == traces


@pytest.mark.parametrize("cursor", ["x", "time#x#y", "user#anna#0000000000000000001#t", "#", "time#-5#t"])
def test_a_foreign_cursor_is_bad_input(desk: Desk, cursor: str) -> None:
    answer = desk.get("/runs", cursor=cursor)
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize(
    "query",
    [
        {"status": "odd"},
        {"since": "yesterday"},
        {"until": "0.5"},
        {"since": "2026-02-30T00:00:00Z"},
        {"until": "0001-01-01T00:00:00Z"},
        {"min_cost_usd": -1},
        {"who": "me"},
    ],
)
def test_a_filter_that_cannot_be_is_bad_input(desk: Desk, query: dict[str, Any]) -> None:
    answer = desk.get("/runs", **query)
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, next(iter(query)))


def test_one_run_comes_with_spans_graph_and_the_rule_that_fired(desk: Desk) -> None:
    desk.trace(agent(1), call(2, 1, at_s=0.25))
    run = desk.get(f"/runs/{TRACE}").json
    assert [each["kind"] for each in run["spans"]] == ["agent", "llm_call"]
    assert run["spans"][1]["agent"] == "planner"
    assert run["spans"][1]["duration_ms"] == 1000
    assert all(each["rule"] for each in run["spans"])
    assert run["graph"]["nodes"][0]["agent"] == "planner"


def test_a_span_is_found_with_and_without_its_trace(desk: Desk) -> None:
    desk.trace(agent(1), call(2, 1))
    for query in ({}, {"trace_id": TRACE}):
        found = desk.get(f"/spans/{2:016x}", **query).json
        assert (found["trace_id"], found["model"]) == (TRACE, "gpt-4o-mini")
    assert desk.get(f"/spans/{3:016x}").status == 404
    assert desk.get("/spans/nothex").status == 404
    assert desk.get(f"/spans/{2:016x}", trace_id="0" * 32).status == 404


def test_runs_and_spans_are_found_by_ids_in_any_case(desk: Desk) -> None:
    desk.trace(agent(0xABC))
    assert desk.get(f"/runs/{TRACE.upper()}").json["trace_id"] == TRACE
    assert desk.get(f"/spans/{0xABC:016X}", trace_id=TRACE.upper()).json["trace_id"] == TRACE


def test_there_is_no_run_of_an_unknown_trace(desk: Desk) -> None:
    assert desk.get("/runs/ffffffffffffffffffffffffffffffff").status == 404


def test_agents_have_figures_over_their_runs(desk: Desk) -> None:
    for number in range(1, 4):
        failed = {"failed": "no answer"} if number == 3 else {}
        desk.trace(
            agent(number * 10, trace=number, lasts_s=number, **failed), call(number * 10 + 1, number * 10, trace=number)
        )
    desk.trace(agent(99, "booker", trace=9))
    first, second = desk.get("/agents").json["items"]
    assert (first["name"], first["runs"], first["failures"], first["llm_calls"]) == ("planner", 3, 1, 3)
    assert (first["input_tokens"], first["complete"]) == (30, True)
    assert first["duration_ms_p50"] == pytest.approx(2000, rel=0.02)
    assert (second["name"], second["runs"]) == ("booker", 1)


def test_agents_are_those_of_the_time_asked_for(desk: Desk) -> None:
    desk.trace(agent(1))
    desk.clock.advance(hours=25)
    assert desk.get("/agents").json["items"] == []
    assert [each["name"] for each in desk.get("/agents", since="2023-11-01T00:00:00Z").json["items"]] == ["planner"]


def test_content_is_not_stored_when_the_project_says_so(desk: Desk) -> None:
    assert desk.put("/tracing", {"capture_content": False}).status == 200
    secret = {"gen_ai__prompt": "hunter2", "input__value": "hunter2", "output__value": "hunter2"}
    desk.trace(agent(1, **secret), call(2, 1, **secret, failed="hunter2 is no password"))
    assert b"hunter2" not in desk.get(f"/runs/{TRACE}").body


def test_prices_of_the_project_win(desk: Desk) -> None:
    desk.put("/tracing", {"prices": {"gpt-4o-mini": {"input": 1_000_000, "output": 0}}})
    desk.trace(agent(1), call(2, 1, tokens=3))
    assert runs(desk)[0]["cost_usd"] == 3


def test_runs_expire_after_the_retention_of_their_project(desk: Desk) -> None:
    desk.put("/tracing", {"retention_days": 2})
    desk.trace(agent(1))
    desk.clock.advance(hours=47)
    assert len(runs(desk)) == 1
    desk.clock.advance(hours=2)
    assert runs(desk) == []
    assert desk.get(f"/runs/{TRACE}").status == 404


def test_how_traces_are_kept_is_shown_as_it_was_set(desk: Desk) -> None:
    assert desk.get("/tracing").json == {"retention_days": 30, "capture_content": True, "prices": {}}
    wanted = {
        "retention_days": 7,
        "capture_content": False,
        "prices": {"m": {"input": 1, "output": 2, "cached_input": None}},
    }
    assert desk.put("/tracing", wanted).json == wanted
    assert desk.get("/tracing").json == wanted
    assert desk.put("/tracing", {"retention_days": 0}).json["errors"][0]["field"] == "retention_days"
    assert desk.put("/tracing", wanted, role="viewer").status == 403


def test_a_deleted_project_leaves_nothing_of_its_traces(desk: Desk) -> None:
    desk.trace(agent(1, user__id="anna"), call(2, 1))
    desk.trace(agent(3, trace=3, gen_ai__operation__name="create_agent"))  # which is in no list
    assert len(runs(desk)) == 1
    desk.delete("")
    reconcile(desk.needs.upkeep())
    desk.clock.advance(hours=2)
    reconcile(desk.needs.upkeep())
    assert [item for item in desk.telemetry.items if desk.project_id in item["pk"]] == []


def test_one_project_never_sees_runs_of_another(desk: Desk) -> None:
    desk.trace(agent(1))
    other = Desk()
    assert other.get(f"/runs/{TRACE}").status == 404
    assert runs(other) == []


def test_a_table_that_is_down_loses_no_span(desk: Desk) -> None:
    desk.telemetry.outage = Unavailable("down")
    with pytest.raises(Unavailable):
        desk.trace(agent(1))
    desk.telemetry.outage = None
    desk.clock.advance(minutes=5)
    desk.work_off_spans()
    assert len(runs(desk)) == 1


def test_many_agents_and_users_of_one_trace_fit_one_transaction(desk: Desk) -> None:
    spans = [agent(number, f"agent-{number}", parent=1, user__id=f"user-{number}") for number in range(2, 400)]
    desk.trace(agent(1), *spans)
    (run,) = runs(desk)
    assert len(run["agents"]) == 398  # the first one only leads the others


def test_names_that_would_break_keys_are_found_all_the_same(desk: Desk) -> None:
    for trace, name, user in (("1" * 32, "a#b/\x00ü", "#"), ("2" * 32, "ü" * 250, "@" * 250)):
        desk.trace(agent(1, name, trace=trace, user__id=user))
        assert [run["trace_id"] for run in runs(desk, agent=name)] == [trace]
        assert [run["trace_id"] for run in runs(desk, user_id=user)] == [trace]


def test_time_to_idle_is_the_one_that_is_documented() -> None:
    assert timedelta(minutes=15) == IDLE
