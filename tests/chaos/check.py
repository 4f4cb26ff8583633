"""The delivery equation, checked for every record of a history.

Acknowledged = delivered ∪ filtered ∪ dead-lettered ∪ in flight. What a record has to become follows from its number
(`records.fate`), and a run ends when nothing is in flight, so every acknowledged record must have been delivered or
lie among the dead letters, and what the filter drops must never have been delivered. What was not acknowledged may
appear: an answer can get lost.

A record may be delivered more than once when at-least-once allows it: under the same X-Request-ID; when its client
sent it more than once; or when the bus gave its message out again, for which there must be a fault that can do so
from `REDELIVERED_WITHIN_SECONDS` before the first of these deliveries to the last of them.
"""

from array import array
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
    """The verdict on a history, which is gone through three times: an hour of it does not fit into memory."""
    books = _Books()
    for event in history():
        books.note_sent(event)
    for event in history():
        books.note_what_became_of_it(event)
    books.balance()
    _explain_duplicates(books, history())
    return books.verdict


class _Books:
    """By the number of a record: how often it was sent, acknowledged, delivered, and found among the dead letters."""

    def __init__(self) -> None:
        self.verdict = Verdict()
        self.sent, self.acknowledged = array("I"), array("I")
        self.delivered, self.dead = array("I"), array("I")
        self.faults: list[Struck] = []
        self._batches: dict[str, int] = {}

    def note_sent(self, event: Event) -> None:
        if isinstance(event, Sent):
            for counts in (self.sent, self.acknowledged, self.delivered, self.dead):
                counts.extend([0] * (event.first + event.count - len(counts)))
            for number in range(event.first, event.first + event.count):
                self.sent[number] += 1
                self.acknowledged[number] += event.status == 200

    def note_what_became_of_it(self, event: Event) -> None:
        match event:
            case Took():
                self._note_batch(event)
            case Struck(kind):
                self.faults.append(event)
                self.verdict.faults[kind] += 1
            case Dead(_, records):
                self._count(records, self.dead)
            case Ended(in_flight):
                self.verdict.in_flight_messages = in_flight

    def _note_batch(self, batch: Took) -> None:
        held = hash(tuple(batch.records))
        if self._batches.setdefault(batch.request_id, held) != held:
            self.verdict.mixed.append(batch.request_id)
        if batch.done:
            self._count(batch.records, self.delivered)

    def _count(self, numbers: list[int], counts: "array[int]") -> None:
        for number in numbers:
            if number < len(counts):
                counts[number] += 1
            else:
                self.verdict.wrong.append(number)

    def balance(self) -> None:
        """Hold each record against what had to become of it."""
        verdict = self.verdict
        for number, acknowledged in enumerate(self.acknowledged):
            arrived, dead = bool(self.delivered[number]), bool(self.dead[number])
            expected = fate(number)
            if acknowledged:
                verdict.acknowledged += 1
                verdict.delivered += arrived
                verdict.dead += dead and not arrived
                verdict.filtered += expected == "filtered"
                if not (arrived or dead or expected == "filtered"):
                    verdict.lost.append(number)
            else:
                verdict.unacknowledged += arrived
            stray = (arrived or dead) and not self.sent[number]
            if stray or (arrived and expected != "kept") or (dead and expected == "filtered"):
                verdict.wrong.append(number)


def _explain_duplicates(books: _Books, history: Iterable[Event]) -> None:
    """Say of each delivery beyond the first what allowed it."""
    repeated: dict[int, list[Took]] = {number: [] for number, count in enumerate(books.delivered) if count > 1}
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
