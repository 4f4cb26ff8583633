"""Runs put together from spans: who took part, what counts once, how it went."""

from datetime import timedelta
from typing import Any

import pytest

from headrace.trace.domain.runs import Run, agents_of, assemble, graph
from headrace.trace.domain.spans import Span
from headrace.trace.wire.conventions import normalize
from tests.unit.trace.wire.conventions.spans import agent, flat, model, root, tool

_MINUTE = 60 * 10**9
_IDLE = timedelta(minutes=15)


def _spans(*records: dict[str, Any]) -> list[Span]:
    return [normalize(record) for record in records]


def _run(*records: dict[str, Any], seen_ago: int = 0) -> Run:
    return assemble(_spans(*records), 10**19, 10**19 - seen_ago, _IDLE)


def _messages(run: Run) -> list[tuple[str, str, str]]:
    return [(each.sender, each.recipient, each.type) for each in run.messages]


# --- counting ------------------------------------------------------------------------------------------------


def test_a_call_that_two_libraries_tell_of_counts_once_with_what_either_knows() -> None:
    inner = model(4, parent=3)
    outer = flat(3, {"gen_ai.operation.name": "chat", "llm.model_name": "gpt-4o"}, parent=2)
    run = _run(root(), agent(2, "a"), outer, inner)
    assert (run.llm_calls, run.input_tokens, run.agents[0].llm_calls) == (1, 100, 1)


def test_a_call_of_which_only_the_outer_span_tells_the_answer_is_empty_when_that_says_so() -> None:
    empty = {"gen_ai.operation.name": "chat", "gen_ai.output.messages": '[{"role":"assistant","parts":[]}]'}
    run = _run(root(), flat(3, empty), flat(4, {"gen_ai.operation.name": "chat"}, parent=3))
    assert (run.status, run.error_type, run.llm_calls) == ("completed", "empty_response", 1)


def test_an_empty_answer_that_a_filter_stopped_is_blocked() -> None:
    empty = {"llm.output_messages.0.message.role": "assistant", "llm.finish_reason": "content_filter"}
    run = _run(root(), flat(2, {"openinference.span.kind": "LLM", **empty}))
    assert (run.status, run.error_type, run.recovered) == ("completed", "blocked", False)


def test_two_spans_with_the_same_answer_are_one_call() -> None:
    told = {"gen_ai.response.id": "chatcmpl-1"}
    run = _run(root(), model(2, attributes=told), model(3, attributes=told))
    assert (run.llm_calls, run.output_tokens) == (1, 10)


def test_a_tool_within_the_same_tool_counts_once_and_failed_if_either_did() -> None:
    run = _run(root(), agent(2, "a"), model(3, parent=2), tool(4, "t", parent=2), tool(5, "t", parent=4, error="no"))
    assert [(call.name, call.agent, call.ok) for call in run.tool_calls] == [("t", "a", False)]


def test_a_span_that_comes_twice_counts_once_and_its_ended_version_wins() -> None:
    begun = model(2)
    del begun["endTimestamp"], begun["durationNano"]
    begun["attributes"] = {"gen_ai.operation.name": "chat"}
    for records in ((begun, model(2)), (model(2), begun)):
        run = _run(root(), *records)
        assert (run.llm_calls, run.input_tokens, run.span_count) == (1, 100, 2)


def test_tools_are_known_from_messages_where_no_span_tells_of_them() -> None:
    answers = (
        '[{"role":"tool","parts":[{"type":"tool_call_response","id":"call_3","response":"Error executing tool: no"}]}]'
    )
    asked, told = model(3, "look_up", parent=2), model(4, parent=2, attributes={"gen_ai.input.messages": answers})
    run = _run(root(), agent(2, "a"), asked, told)
    assert [(call.name, call.agent, call.ok) for call in run.tool_calls] == [("look_up", "a", False)]
    assert (run.status, run.error_type, run.recovered) == ("completed", "tool_error", True)


# --- agents --------------------------------------------------------------------------------------------------


def test_agents_that_were_only_defined_or_only_lead_others_took_no_part() -> None:
    defined = flat(2, {"gen_ai.operation.name": "create_agent", "gen_ai.agent.name": "spare"})
    run = _run(root(), defined, agent(3, "the_graph"), agent(4, "worker", parent=3), model(5, parent=4))
    assert [part.name for part in run.agents] == ["worker"]
    assert run.entry_agent == "worker"


def test_an_agent_that_calls_nothing_took_part() -> None:
    assert [part.name for part in _run(root(), agent(2, "quiet")).agents] == ["quiet"]


def test_a_node_that_only_runs_tools_is_no_agent_and_its_tools_belong_to_who_asked() -> None:
    node = {"langgraph.node": "tools_node", "langgraph.node_type": "tool", "tool.name": "t"}
    thinking = model(
        3, "t", attributes={"langgraph.node": "thinker", "langgraph.node_type": "llm"}, name="langgraph.llm"
    )
    thinking["resourceAttributes"]["agent.framework"] = "langgraph"
    working = flat(4, node, name="langgraph.tool.t", resource={"agent.framework": "langgraph"})
    run = _run(root(), thinking, working)
    assert [part.name for part in run.agents] == ["thinker"]
    assert [(call.name, call.agent) for call in run.tool_calls] == [("t", "thinker")]


def test_a_node_that_runs_a_tool_which_no_model_asked_for_took_part() -> None:
    thinking, working = (
        {"langgraph.node": name, "langgraph.node_type": kind} for name, kind in (("planner", "llm"), ("booker", "tool"))
    )
    planned = model(2, attributes=thinking, name="langgraph.llm")
    planned["resourceAttributes"]["agent.framework"] = "langgraph"
    booked = flat(3, {**working, "tool.name": "t"}, name="langgraph.tool.t", resource={"agent.framework": "langgraph"})
    run = _run(root(), planned, booked)
    assert [(part.name, part.tool_calls) for part in run.agents] == [("planner", 0), ("booker", 1)]
    assert [(call.name, call.agent) for call in run.tool_calls] == [("t", "booker")]


def test_calls_that_nobody_claims_are_the_services() -> None:
    run = _run(root(), model(2), tool(3, "t"))
    assert [(part.name, part.llm_calls, part.tool_calls) for part in run.agents] == [("desk", 1, 1)]


def test_a_trace_without_agents_has_none() -> None:
    run = _run(root(), flat(2, {"db.system": "postgresql"}, name="SELECT"))
    assert (run.agents, run.llm_calls, run.status, run.cost_usd) == ([], 0, "completed", None)


def test_each_spans_agent_is_found_through_its_ancestors() -> None:
    spans = _spans(root(), agent(2, "a"), model(3, parent=2), flat(4, parent=3))
    assert list(agents_of(spans).values()) == ["", "a", "a", "a"]


# --- messages ------------------------------------------------------------------------------------------------


def test_a_handoff_that_shows_in_many_spans_is_one() -> None:
    asked = model(3, "transfer_to_b", parent=2)
    run = _run(root(), agent(2, "a"), asked, tool(4, "transfer_to_b", parent=2), agent(10, "b"), model(11, parent=10))
    assert _messages(run) == [("a", "b", "handoff")]
    assert run.tool_calls == []


def test_handing_over_to_and_fro_is_as_many_messages() -> None:
    run = _run(
        root(),
        *(agent(2, "a", takes=5), model(3, "transfer_to_b", parent=2)),
        *(agent(10, "b", takes=5), model(11, "transfer_back_to_a", parent=10)),
        *(agent(20, "a", takes=5), model(21, parent=20)),
    )
    assert _messages(run) == [("a", "b", "handoff"), ("b", "a", "handoff")]
    assert [(edge.source, edge.target, edge.type, edge.count) for edge in graph(run).edges] == [
        ("a", "b", "handoff", 1),
        ("b", "a", "handoff", 1),
    ]


def test_a_tool_that_is_only_called_like_a_handoff_is_a_tool() -> None:
    asked = model(3, "transfer_to_savings", parent=2)
    run = _run(root(), agent(2, "teller"), asked, tool(4, "transfer_to_savings", parent=2), model(5, parent=2))
    assert [(call.name, call.agent, call.ok) for call in run.tool_calls] == [("transfer_to_savings", "teller", True)]
    assert (run.messages, run.failures) == ([], [])


def test_it_stays_a_tool_when_another_agent_works_later() -> None:
    asked = model(3, "transfer_to_savings", parent=2)
    teller = (agent(2, "teller", takes=20), asked, tool(4, "transfer_to_savings", parent=2), model(5, parent=2))
    run = _run(root(), *teller, agent(30, "auditor"), model(31, parent=30))
    assert [(call.name, call.agent) for call in run.tool_calls] == [("transfer_to_savings", "teller")]
    assert (run.messages, run.failures) == ([], [])


def test_handing_back_to_an_agent_that_is_still_at_work_is_heard_and_not_lost() -> None:
    below = (agent(4, "b", parent=2, takes=5), model(5, "transfer_back_to_a", parent=4))
    run = _run(root(), agent(2, "a", takes=50), model(3, "transfer_to_b", parent=2), *below, model(20, parent=2))
    assert _messages(run) == [("a", "b", "handoff"), ("b", "a", "handoff")]
    assert run.failures == []


def test_handing_over_to_a_human_is_no_lost_handoff() -> None:
    run = _run(root(), agent(2, "a"), model(3, "transfer_to_human", parent=2))
    assert _messages(run) == [("a", "human", "handoff")]
    assert run.failures == []


def test_an_agent_that_runs_as_a_tool_is_asked_and_answers() -> None:
    run = _run(
        root(),
        *(agent(2, "a", takes=50), model(3, "ask_b", parent=2), tool(4, "ask_b", parent=2, takes=20)),
        *(agent(5, "b", parent=4, takes=10), model(6, parent=5)),
    )
    assert _messages(run) == [("a", "b", "request"), ("b", "a", "response")]
    assert [call.name for call in run.tool_calls] == ["ask_b"]


def test_agents_that_follow_each_other_without_a_word_are_a_sequence_in_the_graph_only() -> None:
    run = _run(root(), agent(2, "a"), model(3, parent=2), agent(10, "b"), model(11, parent=10))
    assert run.messages == []
    assert [(edge.source, edge.target, edge.type) for edge in graph(run).edges] == [("a", "b", "sequence")]
    assert [node.name for node in graph(run).nodes] == ["a", "b"]


def test_an_edge_is_a_handoff_unless_the_model_is_seen_not_to_ask_for_it() -> None:
    edge = flat(5, {"langgraph.source_node": "a", "langgraph.target_node": "b"}, name="langgraph.edge.a.b")
    others = (agent(10, "b"), model(11, parent=10))
    blind = model(3, parent=2)
    del blind["attributes"]["gen_ai.output.messages"]
    assert _messages(_run(root(), agent(2, "a"), blind, edge, *others)) == [("a", "b", "handoff")]
    assert _messages(_run(root(), agent(2, "a"), model(3, parent=2), edge, *others)) == []


# --- status --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen_ago", "status"), [(0, "running"), (15 * _MINUTE, "running"), (15 * _MINUTE + 1, "timed_out")]
)
def test_a_run_whose_root_has_not_come_runs_until_it_was_idle(seen_ago: int, status: str) -> None:
    run = _run(agent(2, "a"), seen_ago=seen_ago)
    assert run.status == status
    assert run.oddities == ["1 spans whose parent has not come"]


def test_a_late_root_completes_the_run() -> None:
    assert _run(agent(2, "a"), root(), seen_ago=99 * _MINUTE).status == "completed"


def test_a_root_that_has_not_ended_still_runs() -> None:
    begun = root()
    del begun["endTimestamp"], begun["durationNano"]
    assert _run(begun, agent(2, "a")).status == "running"


def test_where_the_parent_is_another_systems_the_topmost_span_is_the_root() -> None:
    assert _run(agent(2, "a", flags=0x300)).status == "completed"
    assert _run(agent(2, "a", flags=0x300, error="boom")).status == "failed"
    assert _run(agent(2, "a", flags=0x300)).oddities == []


def test_an_error_below_a_good_root_has_recovered() -> None:
    run = _run(root(), agent(2, "a"), model(3, parent=2, error="Error code: 429"), model(4, parent=2))
    assert (run.status, run.error_type, run.error_detail, run.recovered) == (
        "completed",
        "llm_error",
        "rate_limit",
        True,
    )
    assert (run.llm_calls, run.llm_failed_calls) == (2, 1)


def test_a_failed_run_names_what_ended_it_and_not_what_it_recovered_from() -> None:
    run = _run(
        root(error="Request timed out."),
        agent(2, "a", error="Request timed out.", takes=500),
        *(tool(3, "t", parent=2, error="no"), model(4, parent=2), model(5, parent=2, error="Request timed out.")),
    )
    assert (run.status, run.error_type, run.recovered) == ("failed", "timeout", False)
    assert run.error_message == "Request timed out."


def test_what_was_cancelled_when_a_run_failed_is_not_why_it_failed() -> None:
    run = _run(
        root(error="ToolError: no money"),
        *(agent(2, "a"), tool(3, "t", parent=2, error="ToolError: no money")),
        *(agent(4, "b", takes=300), model(5, parent=4, error="CancelledError", takes=200)),
    )
    assert (run.status, run.error_type, run.error_message) == ("failed", "tool_error", "ToolError: no money")


def test_an_agent_that_fails_as_a_tool_of_another_does_not_fail_the_run() -> None:
    scope = "openinference.instrumentation.openai_agents"
    named = {"openinference.span.kind": "AGENT", "agent.name": "a"}
    run = _run(
        flat(1, {"openinference.span.kind": "AGENT"}, parent="", takes=100, scope=scope, status="OK"),
        flat(2, named, takes=90, scope=scope, status="OK"),
        flat(3, {"openinference.span.kind": "TOOL", "tool.name": "ask_b"}, parent=2, scope=scope, status="OK"),
        flat(4, {**named, "agent.name": "b"}, parent=3, scope=scope, error="Error code: 500"),
    )
    assert (run.status, run.error_type, run.recovered) == ("completed", "llm_error", True)


def test_an_agent_that_is_left_by_an_exception_failed_though_its_span_is_good() -> None:
    scope = "openinference.instrumentation.openai_agents"
    spans = [
        flat(1, {"openinference.span.kind": "AGENT"}, parent="", takes=100, scope=scope, status="OK"),
        flat(2, {"openinference.span.kind": "AGENT", "agent.name": "a"}, takes=90, scope=scope, status="OK"),
        flat(3, {"openinference.span.kind": "LLM"}, parent=2, scope=scope, error="Error code: 500"),
    ]
    run = _run(*spans)
    assert (run.status, run.error_type, run.recovered) == ("failed", "llm_error", False)
    run = _run(*spans, flat(5, {"openinference.span.kind": "LLM"}, parent=2, scope=scope, status="OK"))
    assert (run.status, run.error_type, run.recovered) == ("completed", "llm_error", True)


def test_an_error_of_no_known_type_keeps_its_message() -> None:
    run = _run(root(error="KeyError: 'x'"))
    assert (run.status, run.error_type, run.error_message) == ("failed", "none", "KeyError: 'x'")


def test_the_session_of_the_request_goes_before_those_that_its_agents_make_for_themselves() -> None:
    agents = [flat(n, {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": f"c{n}"}) for n in (2, 3)]
    run = _run(flat(1, {"session.id": "s"}, parent="", takes=100), *agents)
    assert (run.session_id, run.session_ids) == ("s", ["s", "c2", "c3"])


def test_a_graph_that_runs_within_langchain_is_langgraphs() -> None:
    scope = "openinference.instrumentation.langchain"
    outer = flat(1, {"openinference.span.kind": "CHAIN"}, parent="", takes=100, scope=scope)
    node = flat(2, {"openinference.span.kind": "LLM", "metadata": '{"langgraph_node": "model"}'}, scope=scope)
    assert (_run(outer).framework, _run(outer, node).framework) == ("langchain", "langgraph")


def test_users_and_sessions_of_several_are_all_named_and_none_is_the_runs() -> None:
    run = _run(
        root(), model(2, attributes={"user.id": "u1", "session.id": "s"}), model(3, attributes={"user.id": "u2"})
    )
    assert (run.user_id, run.user_ids, run.session_id) == ("", ["u1", "u2"], "s")


# --- odd trees -----------------------------------------------------------------------------------------------


def test_cycles_are_cut_noted_and_counted() -> None:
    run = _run(model(2, parent=4), model(3, parent=2), model(4, parent=3), model(5, parent=5))
    assert run.oddities[0] == "2 spans are their own ancestors"
    assert (run.span_count, run.status) == (4, "completed")


def test_children_long_before_their_parents_are_noted() -> None:
    run = _run(flat(1, parent="", at=5000), model(2, at=0))
    assert run.oddities == ["1 spans started over a second before their parent: clocks differ"]


def test_oddities_of_spans_are_told_with_how_many_there_were() -> None:
    odd = {"gen_ai.usage.input_tokens": "12"}
    run = _run(root(), model(2, attributes=odd), model(3, attributes=odd))
    assert run.oddities == ["gen_ai.usage.input_tokens came as text (2 spans)"]
    assert run.input_tokens == 24


@pytest.mark.parametrize("parent_of", [lambda _: 1, lambda number: number - 1, lambda number: number // 2])
def test_ten_thousand_spans_become_a_run_whatever_their_shape(parent_of: Any) -> None:
    few = [agent(number, f"a{number % 9}", parent=parent_of(number)) for number in range(2, 10_000)]
    assert _run(root(), *few).span_count == 9_999


def test_the_spans_that_a_run_is_made_of_stay_as_they_were() -> None:
    records = [root(), flat(2, {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5}), model(3, parent=2)]
    spans = _spans(*records)
    assemble(spans, 0, 0, _IDLE)
    assert spans == _spans(*records)
