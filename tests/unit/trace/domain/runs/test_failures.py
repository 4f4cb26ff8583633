"""Patterns of failure: seen with their spans where they are, and nowhere else."""

from datetime import timedelta
from typing import Any

from headrace.trace.domain.runs import Failure, assemble
from headrace.trace.wire.conventions import normalize
from tests.unit.trace.wire.conventions.spans import agent, flat, model, root, tool


def _failures(*records: dict[str, Any], seen_ago: int = 0) -> list[Failure]:
    spans = [normalize(record) for record in records]
    return assemble(spans, 10**19, 10**19 - seen_ago, timedelta(minutes=15)).failures


def _ids(*numbers: int) -> list[str]:
    return [f"{number:016x}" for number in numbers]


def _modes(failures: list[Failure]) -> list[str]:
    return [failure.mode for failure in failures]


def _looking_up(number: int, what: str, **more: Any) -> dict[str, Any]:
    return tool(number, "look_up", parent=2, attributes={"gen_ai.tool.call.arguments": what}, **more)


def test_the_same_call_with_the_same_input_four_times_is_a_loop() -> None:
    (failure,) = _failures(root(), agent(2, "a"), *(_looking_up(number, "x") for number in range(3, 7)))
    assert (failure.mode, failure.confidence, failure.span_ids) == ("loop", 0.85, _ids(3, 4, 5, 6))
    assert failure.evidence == "a called the tool look_up 4 times with the same input"


def test_other_inputs_no_inputs_few_calls_and_retries_are_no_loop() -> None:
    assert _failures(root(), agent(2, "a"), *(_looking_up(number, str(number)) for number in range(3, 20))) == []
    assert _failures(root(), agent(2, "a"), *(tool(number, "look_up", parent=2) for number in range(3, 20))) == []
    assert _failures(root(), agent(2, "a"), *(_looking_up(number, "x") for number in range(3, 6))) == []
    tries = (_looking_up(number, "x", error="no") for number in range(3, 10))
    assert _failures(root(), agent(2, "a"), *tries, _looking_up(10, "x")) == []


def test_long_inputs_that_only_begin_alike_are_no_loop() -> None:
    grown = (_looking_up(number, "x" * (9000 + number)) for number in range(3, 10))
    assert _failures(root(), agent(2, "a"), *grown) == []


def test_two_agents_that_only_hand_over_to_each_other_are_a_loop() -> None:
    spans = [root()]
    for turn in range(7):
        here, there = ("a", "b") if turn % 2 == 0 else ("b", "a")
        start = 10 + turn * 10
        spans += [agent(start, here, takes=5), model(start + 1, f"transfer_to_{there}", parent=start)]
    assert "loop" in _modes(_failures(*spans))
    assert "loop" not in _modes(_failures(*spans[:9]))


def test_a_handoff_to_an_agent_that_does_not_start_has_failed() -> None:
    asked = model(3, "transfer_to_nobody", parent=2)
    (failure,) = _failures(root(), agent(2, "a"), asked)
    assert (failure.mode, failure.confidence, failure.span_ids) == ("handoff_failure", 0.9, _ids(3))
    assert failure.evidence == "a handed over to nobody, which did not start"


def test_a_handoff_in_a_run_that_still_runs_has_not_failed_yet() -> None:
    asked = model(3, "transfer_to_nobody", parent=2)
    assert _failures(agent(2, "a"), asked) == []


def _at_once(number: int, name: str, **more: Any) -> list[dict[str, Any]]:
    told = {"gen_ai.tool.call.arguments": more.pop("told", "x")}
    at = more.pop("at", 100)
    return [agent(number, name), tool(number + 1, "write", parent=number, at=at, takes=50, attributes=told, **more)]


def test_two_agents_that_fail_in_one_tool_at_once_contend() -> None:
    (failure,) = _failures(root(), *_at_once(10, "a"), *_at_once(20, "b", error="the file is locked"))
    assert (failure.mode, failure.confidence, failure.span_ids) == ("contention", 0.75, _ids(11, 21))


def test_good_calls_at_once_one_after_the_other_and_of_one_agent_are_no_contention() -> None:
    assert _failures(root(), *_at_once(10, "a"), *_at_once(20, "b")) == []
    assert _failures(root(), *_at_once(10, "a"), *_at_once(20, "b", at=200, error="locked")) == []
    assert _failures(root(), *_at_once(10, "a"), *_at_once(20, "a", error="locked")) == []


def test_what_could_not_be_parsed_is_a_failure_of_format_once() -> None:
    broken = tool(3, "t", parent=2, error="JSONDecodeError: Expecting value")
    (failure,) = _failures(root(), agent(2, "a", error="JSONDecodeError: Expecting value"), broken)
    assert (failure.mode, failure.confidence) == ("message_format", 0.8)
    assert _failures(root(), agent(2, "a"), tool(3, "t", parent=2, error="no such format: pdf")) == []


def test_a_timeout_is_shown_where_it_began() -> None:
    late = model(3, parent=2, error="Request timed out.")
    (failure,) = _failures(root(error="Request timed out."), agent(2, "a", error="Request timed out."), late)
    assert (failure.mode, failure.confidence, failure.span_ids) == ("timeout", 0.95, _ids(3))


def test_a_run_that_never_ended_shows_its_last_span() -> None:
    (failure,) = _failures(agent(2, "a"), flat(3, parent=2), seen_ago=10**15)
    assert (failure.mode, failure.confidence, failure.span_ids) == ("timeout", 0.6, _ids(3))
