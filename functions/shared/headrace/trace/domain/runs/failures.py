"""Patterns of failure in a run, each with the spans that show it and how sure that is.

The rules are those of AgentTrace, made to hold: a loop needs equal inputs that are there, a handoff is lost when the
other agent does not start, contention needs the same input or an error, and no rule reads words out of good spans.
Modes: MAST, https://arxiv.org/abs/2503.13657 (step repetition, loss of conversation, premature termination).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from headrace.trace.domain.runs.calls import Call
from headrace.trace.domain.runs.messages import Lost, Said
from headrace.trace.domain.runs.model import Failure, RunStatus
from headrace.trace.domain.runs.tree import Tree

_LOOP_CALLS = 4
_PING_PONG = 6
_MOST_SPANS = 20
"""Of the evidence of one failure."""
_MOST = 20

_FORMAT = re.compile(
    r"JSONDecodeError|ValidationError|OutputParser|ParserError|ParseError|SchemaError"
    r"|(could not|failed to|unable to|cannot) (be )?pars|invalid json|malformed|does not match the schema"
    r"|missing required (field|argument|parameter)",
    re.IGNORECASE,
)
_CONTENTION = re.compile(r"lock|conflict|deadlock|in use|busy|concurrent", re.IGNORECASE)


def find_failures(
    tree: Tree, models: list[Call], tools: list[Call], said: Sequence[Said], lost: Sequence[Lost], status: RunStatus
) -> list[Failure]:
    """All of them, the surest first."""
    found = [
        *_loops(tree, tools, "tool"),
        *_loops(tree, models, "model"),
        *_ping_pong(said),
        *(_lost_handoffs(tree, lost) if status != "running" else ()),
        *_contention(tree, tools),
        *_bad_formats(tree),
        *_timeouts(tree, status),
    ]
    return sorted(found, key=lambda failure: -failure.confidence)[:_MOST]


def _ids(tree: Tree, indexes: Iterable[int]) -> list[str]:
    return [tree.spans[index].span_id for index in indexes][:_MOST_SPANS]


def _loops(tree: Tree, calls: list[Call], what: str) -> Iterator[Failure]:
    """An agent that makes the same call with the same input again and again, and goes well each time.

    Calls that failed and are made again are retries.
    """
    same: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for call in calls:
        told = tree.spans[call.index].input
        if told and call.is_ok:
            same[call.agent, call.name, told].append(call.index)
    for (agent, name, _), indexes in same.items():
        if len(indexes) >= _LOOP_CALLS:
            confidence = min(0.95, 0.85 + 0.02 * (len(indexes) - _LOOP_CALLS))
            evidence = f"{agent or 'the run'} called the {what} {name} {len(indexes)} times with the same input"
            yield Failure("loop", round(confidence, 2), _ids(tree, indexes), evidence)


def _ping_pong(said: Sequence[Said]) -> Iterator[Failure]:
    """Two agents that do nothing but hand over to each other."""
    handoffs = [each for each in said if each.type == "handoff"]
    longest = length = 1 if handoffs else 0
    last = handoffs[0] if handoffs else None
    for before, after in pairwise(handoffs):
        length = length + 1 if (after.sender, after.recipient) == (before.recipient, before.sender) else 1
        if length > longest:
            longest, last = length, after
    if last is not None and longest >= _PING_PONG:
        evidence = f"{last.sender} and {last.recipient} handed over to each other {longest} times in a row"
        yield Failure("loop", 0.7, [], evidence)


def _lost_handoffs(tree: Tree, lost: Sequence[Lost]) -> Iterator[Failure]:
    for each in lost:
        to = each.recipient or "another agent"
        evidence = f"{each.sender or 'an agent'} handed over to {to}, which did not start"
        yield Failure("handoff_failure", 0.9 if each.recipient else 0.6, _ids(tree, [each.index]), evidence)


def _contention(tree: Tree, tools: list[Call]) -> Iterator[Failure]:
    """Two agents in the same tool at the same time, with the same input or when one of them failed by it."""
    running: dict[str, list[Call]] = defaultdict(list)
    for call in tools:
        open_calls = running[call.name] = [each for each in running[call.name] if each.ended > call.started][-8:]
        for other in open_calls:
            confidence = _contention_between(tree, other, call) if other.agent != call.agent else 0.0
            if confidence:
                evidence = f"{other.agent} and {call.agent} were in {call.name} at the same time"
                yield Failure("contention", confidence, _ids(tree, [other.index, call.index]), evidence)
        open_calls.append(call)


def _contention_between(tree: Tree, one: Call, other: Call) -> float:
    errors = [tree.spans[call.index].error for call in (one, other)]
    if any(error is not None and _CONTENTION.search(error.message) for error in errors):
        return 0.75
    told = tree.spans[one.index].input
    return 0.5 if told and told == tree.spans[other.index].input and not (one.is_ok and other.is_ok) else 0.0


def _bad_formats(tree: Tree) -> Iterator[Failure]:
    """Errors of reading what a model or an agent wrote; each once, where it happened first."""
    seen: set[str] = set()
    for index, span in enumerate(tree.spans):
        if span.error is None or (found := _FORMAT.search(span.error.message)) is None:
            continue
        if span.error.message not in seen:
            seen.add(span.error.message)
            confidence = 0.8 if found[0].endswith(("Error", "Parser")) else 0.6
            yield Failure("message_format", confidence, _ids(tree, [index]), span.error.message[:200])


def _timeouts(tree: Tree, status: RunStatus) -> Iterator[Failure]:
    late = [index for index, span in enumerate(tree.spans) if span.error is not None and span.error.type == "timeout"]
    above = {tree.parents[index] for index in late}
    lowest = [index for index in late if index not in above]
    if lowest:
        error = tree.spans[lowest[0]].error
        yield Failure("timeout", 0.95, _ids(tree, lowest), error.message[:200] if error else "")
    elif status == "timed_out":
        last = max(range(len(tree.spans)), key=tree.ends)
        yield Failure("timeout", 0.6, _ids(tree, [last]), "the run's first span never ended, and no more spans came")
