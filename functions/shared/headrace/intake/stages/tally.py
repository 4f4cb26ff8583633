"""Counters and last words in the telemetry table: one write for each function invocation, or for several at once.

Invocations of one process that want to count in the same item while a write of it is under way share the next one.

What is counted has happened and cannot be undone, so a table that is down costs counts, never records.
Under redelivery a record may be counted twice, exactly when it is delivered twice.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from threading import Event, Lock

from headrace import events
from headrace.errors import Conflict, HeadraceError
from headrace.intake.wire import items
from headrace.observability import warn
from headrace.ports.items import project_pk
from headrace.ports.table import Condition, Item, Table, Update


@dataclass(slots=True)
class Tally:
    """What one invocation did for one project, or to one sink."""

    counts: Counter[str] = field(default_factory=Counter)
    """By the names of the status in contract section 7, in records; outputs and deliveries in messages."""
    latest: dict[str, str | int] = field(default_factory=dict)
    """Last words: of the agent, of the filter, of a sink."""
    first: dict[str, str] = field(default_factory=dict)
    """What is set only where there is nothing yet."""
    over: set[str] = field(default_factory=set)
    """What is no longer so, and is removed."""

    def succeeded(self, now_unix_nano: int, who: str = "") -> None:
        """Somebody took what was sent; `who` begins the names of the attributes."""
        self.latest[f"{who}last_success_at"] = str(now_unix_nano)
        self.over.add(f"{who}failing_since")
        self.first.pop(f"{who}failing_since", None)

    def failed(self, now_unix_nano: int, error: str, who: str = "") -> None:
        """Somebody did not."""
        self.latest |= {f"{who}last_error": error, f"{who}last_error_at": str(now_unix_nano)}
        self.first.setdefault(f"{who}failing_since", str(now_unix_nano))

    def add(self, later: "Tally") -> None:
        """Let this be what both did, `later` after this."""
        self.counts.update(later.counts)
        self.latest |= later.latest
        self.over |= later.over
        self.first = {**later.first, **{name: value for name, value in self.first.items() if name not in later.over}}


@dataclass(slots=True)
class _Shared:
    """What several callers write together; the first of them does it."""

    tally: Tally = field(default_factory=Tally)
    done: Event = field(default_factory=Event)
    item: Item | None = None


_shared: dict[tuple[int, str, str], _Shared] = {}
_joining = Lock()
_writing = tuple(Lock() for _ in range(16))


def new_tallies() -> dict[str, Tally]:
    """Tallies by project id."""
    return defaultdict(Tally)


def save(telemetry: Table, project_id: str, tally: Tally, sk: str = items.COUNTERS) -> Item | None:
    """Add `tally` to the counters of the project, or to what is under `sk`; the whole item after that."""
    if not any(tally.counts.values()) and not tally.latest:
        return None
    key = (id(telemetry), project_id, sk)
    with _joining:
        first = key not in _shared
        shared = _shared.setdefault(key, _Shared())
        shared.tally.add(tally)
    if not first:
        shared.done.wait()
        return shared.item
    try:
        with _writing[hash(key) % len(_writing)]:  # while others write, more may join
            with _joining:
                del _shared[key]
            shared.item = save_alone(telemetry, project_id, shared.tally, sk)
    finally:
        shared.done.set()
    return shared.item


def save_alone(telemetry: Table, project_id: str, tally: Tally, sk: str) -> Item | None:
    """The same in a write that is shared with nobody, so that the item is as this tally left it."""
    counts = {name: count for name, count in tally.counts.items() if count}
    pk = project_pk(project_id)
    begun_again = {name: tally.first[name] for name in tally.over if name in tally.first}
    over = [name for name in tally.over if name not in begun_again]
    try:
        item = telemetry.update(Update(pk, sk, set={**tally.latest, **begun_again}, add=counts, remove=over))
        for name, value in tally.first.items():
            if name not in item:
                _set_first(telemetry, Update(pk, sk, set={name: value}, condition=Condition(equals={name: None})))
    except HeadraceError as problem:
        warn(events.CountsLost(project_id=project_id, counts=counts, reason=str(problem)))
        return None
    return item


def _set_first(telemetry: Table, change: Update) -> None:
    try:
        telemetry.update(change)
    except Conflict:
        return  # another instance was first
