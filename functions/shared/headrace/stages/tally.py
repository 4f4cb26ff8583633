"""Counters per project in the telemetry table: one write for each function invocation.

What is counted has happened and cannot be undone, so a table that is down costs counts, never records.
Under redelivery a record may be counted twice, exactly when it is delivered twice.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from headrace.domain.errors import HeadraceError
from headrace.observability import warn
from headrace.ports.table import Table, Update
from headrace.wire import items


@dataclass(slots=True)
class Tally:
    """What one invocation did for one project."""

    counts: Counter[str] = field(default_factory=Counter)
    """By the names of the status in contract section 7, in records; outputs and deliveries in messages."""
    latest: dict[str, str] = field(default_factory=dict)
    """Last words: of the agent, of the filter."""


def new_tallies() -> dict[str, Tally]:
    """Tallies by project id."""
    return defaultdict(Tally)


def save(telemetry: Table, project_id: str, tally: Tally) -> None:
    """Add `tally` to the project's counters."""
    counts = {name: count for name, count in tally.counts.items() if count}
    if not counts and not tally.latest:
        return
    try:
        telemetry.update(
            Update(items.project_pk(project_id), items.COUNTERS, set=tally.latest, add=counts),
        )
    except HeadraceError as problem:
        warn("counts_lost", project_id=project_id, counts=counts, reason=str(problem))
