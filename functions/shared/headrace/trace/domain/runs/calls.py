"""Calls of models and tools, each once, however many spans describe it."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from headrace.trace.domain.handoffs import canonical, handoff_target, is_coworker_tool
from headrace.trace.domain.runs.tree import Tree
from headrace.trace.domain.spans import Span

_NESTED = 8
"""Spans around a call that are looked into for what it does not tell itself."""


@dataclass(slots=True)
class Call:
    """One call of a model or a tool: by whom, when, and whether it went well. Times in nanoseconds since 1970."""

    index: int
    """Of the span that shows it."""
    name: str
    agent: str
    started: int
    ended: int
    is_ok: bool
    call_id: str = ""


def model_calls(tree: Tree) -> list[Call]:
    """Calls of models by time.

    A call within a call is the same call, told by a library further in: the innermost counts. So do two spans with
    the same id of the answer.
    """
    above = tree.above("llm_call")
    outer = {above[index] for index, span in enumerate(tree.spans) if span.kind == "llm_call"}
    calls: list[Call] = []
    answers: set[str] = set()
    for index, span in enumerate(tree.spans):
        if span.kind != "llm_call" or index in outer:
            continue
        if span.call_id and span.call_id in answers:
            continue
        answers.add(span.call_id)
        _complete(tree, index, above)
        calls.append(_call(tree, index, span.model))
    return calls


def _complete(tree: Tree, index: int, above: list[int]) -> None:
    """What only the outer span of a call tells, the inner one takes over."""
    outer = above[index]
    for _ in range(_NESTED):
        if outer < 0:
            return
        span, told = tree.spans[index], tree.spans[outer]
        counted = span if span.input_tokens is not None or span.output_tokens is not None else told
        tree.spans[index] = replace(
            span,
            model=span.model or told.model,
            input_tokens=counted.input_tokens,
            output_tokens=counted.output_tokens,
            cached_tokens=counted.cached_tokens,
            cost_usd=counted.cost_usd,
            asked=span.asked or told.asked,
            answered=span.answered or told.answered,
            answer_is_known=span.answer_is_known or told.answer_is_known,
            is_empty=span.is_empty if span.answer_is_known else told.is_empty,
        )
        outer = above[outer]


def _call(tree: Tree, index: int, name: str) -> Call:
    span = tree.spans[index]
    return Call(
        index, name, tree.agents[index], span.started_unix_nano, tree.ends(index), span.status != "error", span.call_id
    )


def tool_calls(tree: Tree, models: list[Call], handed_over: set[int]) -> list[Call]:
    """Real executions of tools by time; `handed_over` are the spans that are handoffs and not tools.

    Where no span tells of a tool, the model's messages do: it asked for the tool, and was then told the result.
    """
    calls = list(_tool_spans(tree, handed_over))
    told = {call_id: is_ok for call in models for call_id, _, is_ok in tree.spans[call.index].answered if call_id}
    for call in calls:
        call.is_ok = call.is_ok and told.get(call.call_id, True)
    names = {tree.spans[call.index].tool for call in calls}
    calls.extend(_told_only(tree, models, names))
    _find_callers(tree, calls, models)
    return sorted(calls, key=lambda call: call.started)


def _tool_spans(tree: Tree, handed_over: set[int]) -> Iterator[Call]:
    outermost: dict[int, Call] = {}
    above = _tools_above(tree)
    for index in tree.order:
        span = tree.spans[index]
        if not _runs_tool(span) or index in handed_over:
            continue
        outer = outermost.get(above[index])
        if outer is not None and outer.name == span.tool:
            outer.is_ok = outer.is_ok and span.status != "error"
            outer.call_id = outer.call_id or span.call_id
            outermost[index] = outer
            continue
        outermost[index] = call = _call(tree, index, span.tool)
    seen: set[int] = set()
    for call in outermost.values():
        if call.index not in seen:
            seen.add(call.index)
            yield call


def _runs_tool(span: Span) -> bool:
    return span.kind == "tool_call" or (span.kind == "handoff" and bool(span.tool))


def _tools_above(tree: Tree) -> list[int]:
    """For each span the nearest tool above it with no model call or agent between them, or -1."""
    found = [-1] * len(tree.spans)
    for index in tree.order:
        parent = tree.parents[index]
        if parent >= 0:
            span = tree.spans[parent]
            found[index] = parent if _runs_tool(span) else -1 if span.kind in ("agent", "llm_call") else found[parent]
    return found


def _told_only(tree: Tree, models: list[Call], names: set[str]) -> Iterator[Call]:
    asked: dict[str, tuple[str, Call]] = {}
    agents = {canonical(agent) for agent in set(tree.agents) if agent}
    for call in models:
        span = tree.spans[call.index]
        for call_id, _, is_ok in reversed(span.answered):
            name, asker = asked.pop(call_id, ("", call))
            if name and name not in names and asker.agent == call.agent:  # another one is told of a handoff
                ended = max(asker.ended, call.started)
                yield Call(call.index, name, asker.agent, asker.ended, ended, is_ok, call_id)
        for name, call_id, _ in span.asked:
            if call_id and not is_coworker_tool(name) and canonical(handoff_target(name)) not in agents:
                asked[call_id] = name, call


def _find_callers(tree: Tree, calls: list[Call], models: list[Call]) -> None:
    """A node that only runs tools for models is no agent: its tools are those of the agent that asked for them.

    One that runs tools which no model asked for does so of its own accord.
    """
    thinking = {call.agent for call in models}
    asker = {call_id: call.agent for call in models for _, call_id, _ in tree.spans[call.index].asked if call_id}
    starts = [call.started for call in models]
    for call in calls:
        is_sure = call.agent in thinking or (call.agent and not tree.by_node[call.index])
        if thinking and not is_sure:
            before = bisect_right(starts, call.started)
            last = models[before - 1] if before else None
            call.agent = asker.get(call.call_id) or (last.agent if last and _may_ask(tree, last, call) else call.agent)


def _may_ask(tree: Tree, model: Call, tool: Call) -> bool:
    """Whether a model asked for a tool, as far as its answer is known."""
    span = tree.spans[model.index]
    return not (tool.agent and span.answer_is_known) or any(name == tool.name for name, _, _ in span.asked)
