"""The spans of one trace as a tree: each once, parents before children, whatever order and state they came in.

Everything here takes time in proportion to the number of spans, cycles and endless chains included.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from headrace.times import SECOND_NANO
from headrace.trace.domain.handoffs import canonical, is_coworker_tool
from headrace.trace.domain.spans import Kind, Span

_BARRIERS: frozenset[Kind] = frozenset(("agent", "tool_call"))
_SKEW_NANO = SECOND_NANO
_LAST_UNIX_NANO = 253_402_300_799_999_999_999
"""The end of the year 9999."""


@dataclass(slots=True)
class Tree:
    """Spans by time, and for each by its index: the parent's index or -1. `order` has parents before children."""

    spans: list[Span]
    parents: list[int]
    order: list[int] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    """The agent whose work a span is a part of, by itself or its ancestors; "" when nothing tells."""
    inside: list[str] = field(default_factory=list)
    """The same for what runs inside of a span: a tool by which a coworker works is the caller's, its inside is not."""
    by_node: list[bool] = field(default_factory=list)
    """Whether that agent is only known as a node of a graph."""
    cut: list[int] = field(default_factory=list)
    """Spans that were their own ancestors, and are taken for roots."""
    oddities: list[str] = field(default_factory=list)

    def ends(self, index: int) -> int:
        """When a span ended, in nanoseconds since 1970; its start while it has not."""
        span = self.spans[index]
        return min(span.started_unix_nano + (span.duration_nano or 0), _LAST_UNIX_NANO)

    def tops(self) -> list[int]:
        """Spans without a known parent, by time."""
        return [index for index, parent in enumerate(self.parents) if parent < 0]

    def roots(self) -> list[int]:
        """Where the trace starts, by time: spans without a parent, or else those whose parent is another system's."""
        tops = self.tops()
        without = [index for index in tops if not self.spans[index].parent_span_id]
        roots = [index for index in without if self.spans[index].agent_by != "definition"]
        if len(without) == len(tops):
            roots = roots or without
        return roots or self.cut or [index for index in tops if self.spans[index].parent_is_remote]

    def above(self, kind: Kind) -> list[int]:
        """For each span the nearest ancestor of `kind` with no agent or tool between them, or -1."""
        found = [-1] * len(self.spans)
        for index in self.order:
            parent = self.parents[index]
            if parent >= 0:
                parents_kind = self.spans[parent].kind
                found[index] = parent if parents_kind == kind else -1 if parents_kind in _BARRIERS else found[parent]
        return found


def grow(spans: Sequence[Span]) -> Tree:
    """The tree of the spans of one trace. One that came more than once counts as its last, ended version."""
    unique: dict[str, Span] = {}
    for number, span in enumerate(spans):
        key = span.span_id or f"#{number}"
        before = unique.get(key)
        if before is None or _version(span) > _version(before):
            unique[key] = span
    ordered = sorted(unique.values(), key=lambda span: (span.started_unix_nano, span.span_id))
    indexes = {span.span_id: index for index, span in enumerate(ordered)}
    parents = [indexes.get(span.parent_span_id, -1) if span.parent_span_id else -1 for span in ordered]
    tree = Tree(ordered, parents)
    _sort(tree)
    _attribute(tree)
    _look(tree)
    return tree


def _version(span: Span) -> tuple[bool, int, int]:
    return span.duration_nano is not None, span.duration_nano or 0, len(span.attributes)


def _sort(tree: Tree) -> None:
    """Set `order`, and cut cycles at their first span."""
    children: dict[int, list[int]] = {}
    for index, parent in enumerate(tree.parents):
        children.setdefault(parent, []).append(index)
    seen = [False] * len(tree.spans)
    _walk(tree, children, children.get(-1, []), seen)
    for index in range(len(seen)):
        if not seen[index]:
            tree.parents[index] = -1
            tree.cut.append(index)
            _walk(tree, children, [index], seen)
    if tree.cut:
        tree.oddities.append(f"{len(tree.cut)} spans are their own ancestors")


def _walk(tree: Tree, children: dict[int, list[int]], first: list[int], seen: list[bool]) -> None:
    waiting = list(first)
    for index in waiting:
        seen[index] = True
    at = 0
    while at < len(waiting):
        for child in children.get(waiting[at], ()):
            if not seen[child]:
                seen[child] = True
                waiting.append(child)
        at += 1
    tree.order.extend(waiting)


def _attribute(tree: Tree) -> None:
    """Set `agents`: names and nodes go before spans that are an agent's by their kind only."""
    count = len(tree.spans)
    known = {canonical(span.agent): span.agent for span in tree.spans if span.agent_by == "name"}
    named, by_kind = [""] * count, [""] * count
    tree.agents, tree.inside, tree.by_node = [""] * count, [""] * count, [False] * count
    for index in tree.order:
        span, parent = tree.spans[index], tree.parents[index]
        if parent >= 0:
            named[index], by_kind[index] = named[parent], by_kind[parent]
            tree.by_node[index] = tree.by_node[parent]
        if span.agent_by in ("name", "node"):
            if span.agent != named[index] or span.agent_by == "name":
                tree.by_node[index] = span.agent_by == "node"
            named[index] = span.agent
        elif span.agent_by == "kind":
            by_kind[index] = span.agent
        tree.agents[index] = named[index] or by_kind[index]
        if span.kind == "handoff" and span.message is not None and is_coworker_tool(span.tool):
            coworker = span.message.recipient
            named[index] = known.get(canonical(coworker), coworker) or named[index]
        tree.inside[index] = named[index] or by_kind[index]


def _look(tree: Tree) -> None:
    """Note what is odd about the tree as a whole."""
    cut = set(tree.cut)
    orphans = sum(1 for index in tree.tops() if index not in cut and _is_orphan(tree, index))
    if orphans:
        tree.oddities.append(f"{orphans} spans whose parent has not come")
    early = sum(
        1
        for span, parent in zip(tree.spans, tree.parents, strict=True)
        if parent >= 0 and tree.spans[parent].started_unix_nano - span.started_unix_nano > _SKEW_NANO
    )
    if early:
        tree.oddities.append(f"{early} spans started over a second before their parent: clocks differ")


def _is_orphan(tree: Tree, index: int) -> bool:
    span = tree.spans[index]
    return bool(span.parent_span_id) and not span.parent_is_remote
