"""Who handed to whom: the agents of a run and how often one passed to another."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from headrace.trace.domain.runs.messages import Said, Turn
from headrace.trace.domain.runs.model import Edge, EdgeType, Graph, Run


def graph(run: Run) -> Graph:
    """The agents of `run` and the edges between them."""
    return Graph(run.agents, run.edges)


def edges(said: Iterable[Said], turns: list[Turn]) -> list[Edge]:
    """What was said, counted, and where control passed from turn to turn without a word."""
    counts: Counter[tuple[str, str, EdgeType]] = Counter()
    explained: Counter[tuple[str, str]] = Counter()
    for each in said:
        counts[each.sender, each.recipient, each.type] += 1
        explained[each.sender, each.recipient] += 1
    for before, after in pairwise(turns):
        if before.agent == after.agent:
            continue
        if explained[before.agent, after.agent] > 0:
            explained[before.agent, after.agent] -= 1
        else:
            counts[before.agent, after.agent, "sequence"] += 1
    return [Edge(source, target, kind, count) for (source, target, kind), count in counts.items()]
