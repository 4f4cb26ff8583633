"""Runs and spans in the shape of contract section 10."""

from datetime import timedelta
from random import Random
from typing import Any

from headrace.trace.domain.runs import assemble, graph
from headrace.trace.wire.conventions import normalize
from headrace.trace.wire.run_items import decode_run, encode_run_fields
from headrace.trace.wire.runs import encode_graph, encode_run, encode_spans
from tests.unit.trace.wire.conventions.spans import agent, model, root, tool

_RUN = {
    *("trace_id", "framework", "service_name", "status", "error_type", "error_message", "recovered", "started_at"),
    *("duration_ms", "agents", "llm_calls", "tool_calls", "messages", "user_id", "session_id", "models"),
    *("input_tokens", "output_tokens", "cost_usd", "failures", "oddities", "span_count"),
}
_SPAN = {
    *("span_id", "parent_span_id", "name", "kind", "agent", "started_at", "duration_ms", "status", "model"),
    *("input_tokens", "output_tokens", "cost_usd", "input", "output", "error", "attributes", "rule"),
}


def _spans() -> list[Any]:
    asked = model(3, "transfer_to_b", parent=2)
    handing = (root(), agent(2, "a"), asked, agent(10, "b"), model(11, parent=10), tool(12, "t", parent=10, error="no"))
    return [normalize(record) for record in handing]


def test_a_run_has_the_fields_of_the_contract() -> None:
    shown = encode_run(assemble(_spans(), 0, 0, timedelta(minutes=15)))
    assert set(shown) >= _RUN
    assert shown["started_at"] == "2023-11-14T22:13:20Z"
    assert shown["duration_ms"] == 1000
    assert shown["agents"][1] | {"cost_usd": 0} == {
        "name": "b",
        "role": "",
        "llm_calls": 1,
        "tool_calls": 1,
        "input_tokens": 100,
        "output_tokens": 10,
        "errors": 1,
        "cost_usd": 0,
        "duration_ms": 1.0,
    }
    assert shown["tool_calls"] == [{"name": "t", "agent": "b", "ok": False, "duration_ms": 1.0}]
    assert shown["messages"] == [{"from": "a", "to": "b", "type": "handoff", "at": "2023-11-14T22:13:20.01Z"}]
    assert shown["cost_usd"] == 2 * (100 * 0.15 + 10 * 0.6) / 1e6


def test_a_span_has_the_fields_of_the_contract_and_its_agent_by_its_ancestors() -> None:
    shown = encode_spans(_spans())[5]
    assert set(shown) >= _SPAN
    assert (shown["agent"], shown["kind"], shown["tool"]) == ("b", "tool_call", "t")
    assert shown["error"] == {"type": "tool_error", "message": "no"}
    assert shown["rule"] == "gen_ai by attribute gen_ai.operation.name: gen_ai.operation.name=execute_tool"


def test_the_graph_counts_who_handed_to_whom() -> None:
    shown = encode_graph(graph(assemble(_spans(), 0, 0, timedelta(minutes=15))))
    assert [node["agent"] for node in shown["nodes"]] == ["a", "b"]
    assert shown["edges"] == [{"from": "a", "to": "b", "type": "handoff", "count": 1}]


def test_cutting_a_run_ends_when_there_is_nothing_left_to_cut() -> None:
    odd = [Random(number).randbytes(32).hex() for number in range(20_000)]
    shown = encode_run(assemble(_spans(), 0, 0, timedelta(minutes=15))) | {"oddities": odd}
    run = decode_run(encode_run_fields(shown, []))
    assert run["oddities"][: len(odd)] == odd
    assert not any(value for name, value in run.items() if isinstance(value, list) and name != "oddities")


def test_a_run_that_is_too_large_for_its_item_is_cut_and_says_so() -> None:
    names = [Random(number).randbytes(32).hex() for number in range(20_000)]
    shown = encode_run(assemble(_spans(), 0, 0, timedelta(minutes=15))) | {
        "tool_calls": [{"name": name} for name in names]
    }
    item = encode_run_fields(shown, [])
    assert len(item["data"]) < 300_000
    run = decode_run(item)
    assert run["tool_calls"] == shown["tool_calls"][: len(run["tool_calls"])]
    assert len(run["tool_calls"]) > 1000
    assert run["oddities"] == [
        *shown["oddities"],
        "only the first tool_calls are here: the run was too large to be stored whole",
    ]
