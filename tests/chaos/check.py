"""The delivery equation, checked for every record of a history.

Acknowledged = delivered ∪ filtered ∪ dead-lettered ∪ in flight. What a record has to become follows from its number
(`records.fate`), and a run ends when nothing is in flight, so every acknowledged record must have been delivered or
lie among the dead letters, and what the filter drops must never have been delivered. What was not acknowledged may
appear: an answer can get lost.

A record may be delivered more than once when at-least-once allows it: under the same X-Request-ID; when its client
sent it more than once; or when the bus gave its message out again, for which there must be a fault that can do so
from `REDELIVERED_WITHIN_SECONDS` before the first of these deliveries to the last of them.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.chaos.history import Dead, Ended, Event, Sent, Struck, Took
from tests.chaos.records import fate

REDELIVERING = frozenset({"kill", "stop", "long stop", "broker", "database", "disk", "clock"})
"""Kinds of faults after which a message may come again whose records were, or are just being, delivered."""

REDELIVERED_WITHIN_SECONDS = 30.0
"""The longest lease, and the longest that an agent may take."""


@dataclass(slots=True)
class Verdict:
    """Counts of records, and numbers of those with which something is wrong."""

    acknowledged: int = 0
    delivered: int = 0
    """Of the acknowledged ones, each counted once; so are the next two."""
    filtered: int = 0
    dead: int = 0
    in_flight_messages: int = 0
    unacknowledged: int = 0
    """Delivered although no answer of 200 came."""
    duplicates: Counter[str] = field(default_factory=Counter)
    """Deliveries beyond the first, by what allowed them."""
    faults: Counter[str] = field(default_factory=Counter)
    lost: list[int] = field(default_factory=list)
    unexplained: list[int] = field(default_factory=list)
    """Delivered more often than anything allows."""
    wrong: list[int] = field(default_factory=list)
    """Delivered or dead although the filter drops it, delivered although its filter fails, or never sent at all."""
    mixed: list[str] = field(default_factory=list)
    """Request ids that came with different records."""

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        wrong = self.lost or self.unexplained or self.wrong or self.mixed or self.in_flight_messages
        return not wrong


def check(history: Callable[[], Iterable[Event]]) -> Verdict:
    """The verdict on a history, which is gone through twice."""
    books = _Books()
    for event in history():
        books.note(event)
    books.balance()
    _explain_duplicates(books, history())
    return books.verdict


class _Books:
    """What is known of each record: how often it was sent, acknowledged, delivered, and whether it is dead."""

    def __init__(self) -> None:
        self.verdict = Verdict()
        self.sent: Counter[int] = Counter()
        self.acknowledged: set[int] = set()
        self.delivered: Counter[int] = Counter()
        self.dead: set[int] = set()
        self.faults: list[Struck] = []
        self._batches: dict[str, int] = {}

    def note(self, event: Event) -> None:
        match event:
            case Sent(first, count, status):
                numbers = range(first, first + count)
                self.sent.update(numbers)
                if status == 200:
                    self.acknowledged.update(numbers)
            case Took():
                self._note_batch(event)
            case Struck(kind):
                self.faults.append(event)
                self.verdict.faults[kind] += 1
            case Dead(_, records):
                self.dead.update(records)
            case Ended(in_flight):
                self.verdict.in_flight_messages = in_flight

    def _note_batch(self, batch: Took) -> None:
        held = hash(tuple(batch.records))
        if self._batches.setdefault(batch.request_id, held) != held:
            self.verdict.mixed.append(batch.request_id)
        if batch.done:
            self.delivered.update(batch.records)

    def balance(self) -> None:
        """Hold each acknowledged record against what became of it, and everything that came against what was sent."""
        verdict = self.verdict
        verdict.acknowledged = len(self.acknowledged)
        for number in self.acknowledged:
            arrived, dead = number in self.delivered, number in self.dead
            verdict.delivered += arrived
            verdict.dead += dead and not arrived
            if fate(number) == "filtered":
                verdict.filtered += 1
            elif not (arrived or dead):
                verdict.lost.append(number)
        verdict.unacknowledged = len(self.delivered.keys() - self.acknowledged)
        verdict.wrong = sorted(filter(self._is_wrong, self.delivered.keys() | self.dead))

    def _is_wrong(self, number: int) -> bool:
        expected = fate(number)
        return number not in self.sent or expected == "filtered" or (expected == "broken" and number in self.delivered)


def _explain_duplicates(books: _Books, history: Iterable[Event]) -> None:
    """Say of each delivery beyond the first what allowed it."""
    repeated: dict[int, list[Took]] = {number: [] for number, count in books.delivered.items() if count > 1}
    for event in history:
        if isinstance(event, Took) and event.done:
            for number in event.records:
                if number in repeated:
                    repeated[number].append(event)
    faults = [fault for fault in books.faults if fault.kind in REDELIVERING]
    causes = books.verdict.duplicates
    for number, deliveries in repeated.items():
        ids = len({each.request_id for each in deliveries})
        resent = min(ids, books.sent[number]) - 1
        causes["under the same X-Request-ID"] += len(deliveries) - ids
        causes["sent again by the client"] += max(resent, 0)
        others = ids - 1 - max(resent, 0)
        if others and _may_come_again(deliveries, faults):
            causes["message given out again"] += others
        elif others:
            books.verdict.unexplained.append(number)


def _may_come_again(deliveries: list[Took], faults: list[Struck]) -> bool:
    first, last = min(each.at for each in deliveries), max(each.at for each in deliveries)
    return any(each.began <= last and each.ended >= first - REDELIVERED_WITHIN_SECONDS for each in faults)
