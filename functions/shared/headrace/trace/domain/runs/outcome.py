"""How a run went: its status, what went wrong and whether it recovered."""

from dataclasses import dataclass
from datetime import timedelta

from headrace.times import nanoseconds
from headrace.trace.domain.runs.calls import Call
from headrace.trace.domain.runs.model import RunStatus
from headrace.trace.domain.runs.tree import Tree
from headrace.trace.domain.spans import ErrorType, Kind, SpanError

_WORK: frozenset[Kind] = frozenset(("agent", "llm_call", "tool_call", "handoff"))


@dataclass(slots=True)
class Outcome:
    """`cause` is the index of the span that shows what went wrong, or -1."""

    status: RunStatus
    error: SpanError
    cause: int = -1
    recovered: bool = False


def judge(tree: Tree, models: list[Call], tools: list[Call], seen_ago_nano: int, idle: timedelta) -> Outcome:
    """The outcome of a run whose last span came `seen_ago_nano` nanoseconds ago."""
    status = _status(tree, seen_ago_nano, idle)
    error, cause = _what_went_wrong(tree, models, tools, status)
    is_empty = error.type in ("empty_response", "blocked") and (cause < 0 or tree.spans[cause].is_empty)
    recovered = status == "completed" and error.type != "none" and not is_empty
    return Outcome(status, error, cause, recovered)


def _status(tree: Tree, seen_ago_nano: int, idle: timedelta) -> RunStatus:
    roots = tree.roots()
    if not roots or any(tree.spans[index].duration_nano is None for index in roots):
        return "running" if seen_ago_nano <= nanoseconds(idle) else "timed_out"
    if any(tree.spans[index].status == "error" for index in roots):
        return "failed"
    if any(tree.spans[index].status_is_blind for index in roots) and _last_agent_failed(tree):
        return "failed"
    return "completed"


def _last_agent_failed(tree: Tree) -> bool:
    """Whether the agent that came last, of those not called by other agents, ended with an error.

    Such instrumentations end agents well, too, that are left by an exception: then the error is the last of their work.
    """
    called = [False] * len(tree.spans)
    last = -1
    for index in tree.order:
        parent = tree.parents[index]
        called[index] = parent >= 0 and (tree.spans[parent].kind == "agent" or called[parent])
        if tree.spans[index].kind == "agent" and not called[index]:
            last = max(last, index)
    return last >= 0 and (tree.spans[last].status == "error" or _stops_at_error(tree, last))


def _stops_at_error(tree: Tree, agent: int) -> bool:
    """Whether nothing was begun in an agent's span after an error in it, other than of a tool and what that runs."""
    below = [index == agent for index in range(len(tree.spans))]
    error, last = -1, -1
    for index in tree.order:
        span, parent = tree.spans[index], tree.parents[index]
        if parent < 0 or not below[parent]:
            continue
        below[index] = span.kind != "tool_call"
        if span.status == "error" and below[index]:
            error = max(error, tree.ends(index))
        elif span.kind in _WORK:
            last = max(last, span.started_unix_nano)
    return error > last


def _what_went_wrong(tree: Tree, models: list[Call], tools: list[Call], status: RunStatus) -> tuple[SpanError, int]:
    empty = _empty_end(tree, models)
    if status == "completed" and empty is not None:
        return _why_empty(tree, models, empty), empty
    causes = _causes(tree)
    if causes:
        index = _fatal(tree, causes) if status == "failed" else causes[0]
        error = tree.spans[index].error
        return (error or SpanError("none", "")), index
    failed = next((call for call in tools if not call.is_ok), None)
    if failed is not None:
        return SpanError("tool_error", f"{failed.name} told the model that it failed"), failed.index
    return _untyped(tree, status)


def _why_empty(tree: Tree, models: list[Call], empty: int) -> SpanError:
    """An answer is empty because a filter stopped it, or for no reason; an agent's is because its model's is."""
    model = tree.spans[models[-1].index] if models else tree.spans[empty]
    error = tree.spans[empty].error or (model.error if model.status != "error" else None)
    return error or SpanError("empty_response", "the last answer was empty")


def _fatal(tree: Tree, causes: list[int]) -> int:
    """The cause that ended the run: the last one that the root tells of, or else the last that was not cancelled."""
    ends = [error.message for index in tree.roots() if (error := tree.spans[index].error) is not None and error.message]

    def weight(index: int) -> tuple[bool, bool, int, int]:
        error = tree.spans[index].error or SpanError("none", "")
        is_told = any(error.message and (error.message in end or end in error.message) for end in ends[:1])
        return is_told, error.type != "cancelled", tree.ends(index), -index

    return max(causes, key=weight)


def _causes(tree: Tree) -> list[int]:
    """Spans by time that show an error of a known type, with none below them that shows one."""
    shows = [span.error is not None and span.error.type != "none" for span in tree.spans]
    below = [False] * len(tree.spans)
    for index in reversed(tree.order):
        parent = tree.parents[index]
        if parent >= 0 and (shows[index] or below[index]):
            below[parent] = True
    return [index for index, is_shown in enumerate(shows) if is_shown and not below[index]]


def _untyped(tree: Tree, status: RunStatus) -> tuple[SpanError, int]:
    """An error of a type that nobody knows, where a run failed by it."""
    if status == "failed":
        for index, span in enumerate(tree.spans):
            if span.error is not None:
                return span.error, index
    return SpanError("none", ""), -1


def _empty_end(tree: Tree, models: list[Call]) -> int | None:
    """The span of the last answer when it was empty: the last call of a model, or the last message of an agent."""
    last = models[-1].index if models else -1
    spoken = [
        index for index, span in enumerate(tree.spans) if span.kind == "message" and (span.output or span.is_empty)
    ]
    if spoken and (last < 0 or tree.spans[spoken[-1]].started_unix_nano > tree.spans[last].started_unix_nano):
        return spoken[-1] if tree.spans[spoken[-1]].is_empty else None
    return last if last >= 0 and tree.spans[last].is_empty and tree.spans[last].status != "error" else None


def at_run(error: ErrorType) -> ErrorType:
    """The type of error of a run by that of its span. A model that refuses to be called so often is a model's error."""
    return "llm_error" if error == "rate_limit" else error
