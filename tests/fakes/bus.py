"""FakeBus: the Bus and Source ports in memory, for tests of what stands above them.

It keeps the whole contract (`tests/contract/bus_suite.py`), is safe for any number of threads, and forgets
everything with the object. Leases and delays follow the clock that it is given. Beside the ports it offers
`messages`, to look at what a queue holds without receiving it, and `outage`, to see what happens when the engine
is down:

    bus = FakeBus(clock)
    bus.outage = Unavailable("down")        # every call raises it until it is None again
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from threading import Event, RLock
from uuid import uuid4

from headrace.errors import HeadraceError, InvalidInput
from headrace.ports.bus import DeadLetter, DeadLetterPage, Due, Message, QueueStats, Received
from headrace.ports.clock import Clock

_DUE_COUNTED = 10


@dataclass
class _Stored:
    id: str
    queue: str
    body: str
    attributes: Mapping[str, str]
    sent: int
    due: int
    receive_count: int = 0
    receipt: str = ""
    """Of the delivery that holds the lease; "" when nobody does."""


@dataclass
class _Dead:
    number: int
    queue: str
    letter: DeadLetter


@dataclass
class FakeBus:
    clock: Clock
    receive_limit: int = 12
    outage: HeadraceError | None = None
    _stored: list[_Stored] = field(default_factory=list)
    _dead: list[_Dead] = field(default_factory=list)
    _lock: RLock = field(default_factory=RLock)
    _news: Event = field(default_factory=Event)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def messages(self, queue: str) -> list[Message]:
        """What `queue` holds now, in the order of arrival: waiting, delayed or in work."""
        with self._lock:
            return [Message(each.body, dict(each.attributes)) for each in self._stored if each.queue == queue]

    # --- Bus ------------------------------------------------------------------------------------------------

    def publish(self, queue: str, messages: Sequence[Message], *, delay: timedelta = timedelta(0)) -> list[str]:
        with self._reached() as now:
            new = [
                _Stored(str(uuid4()), queue, each.body, dict(each.attributes), now, now + _nano(delay))
                for each in messages
            ]
            self._stored += new
        self.wake()
        return [each.id for each in new]

    def retry_later(self, messages: Sequence[Received], delay: timedelta) -> None:
        with self._reached() as now:
            self._give_back(messages, now + _nano(delay))

    def dead_letter(self, queue: str, messages: Sequence[Message], reason: str) -> None:
        with self._reached():
            for each in messages:
                self._bury(str(uuid4()), queue, each, reason, 0)

    def stats(self, queue: str) -> QueueStats:
        with self._reached() as now:
            here = [each for each in self._stored if each.queue == queue]
            in_flight = sum(1 for each in here if each.receipt and each.due > now)
            dead = sum(1 for each in self._dead if each.queue == queue)
            return QueueStats(len(here) - in_flight, in_flight, dead)

    def dead_letters(self, queue: str, *, limit: int = 50, cursor: str | None = None) -> DeadLetterPage:
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
            raise InvalidInput("the cursor is not one that was given out here", field="cursor")
        with self._reached():
            found = [each for each in self._dead if each.queue == queue and each.number > int(cursor or 0)]
        page = found[:limit]
        return DeadLetterPage([each.letter for each in page], str(page[-1].number) if len(found) > limit else None)

    def redrive(self, queue: str, ids: Sequence[str] | None = None) -> int:
        with self._reached() as now:
            taken = self._take_dead(queue, ids)
            self._stored += [_Stored(each.id, queue, each.body, each.attributes, now, now) for each in taken]
        self.wake()
        return len(taken)

    def discard(self, queue: str, ids: Sequence[str] | None = None) -> int:
        with self._reached():
            return len(self._take_dead(queue, ids))

    def ping(self) -> None:
        with self._reached():
            return

    # --- Source ---------------------------------------------------------------------------------------------

    def receive(self, queue: str, *, limit: int, lease: timedelta) -> list[Received]:
        with self._reached() as now:
            due = sorted((e for e in self._stored if e.queue == queue and e.due <= now), key=lambda each: each.due)
            for each in [each for each in due if each.receive_count >= self.receive_limit]:
                due.remove(each)
                self._stored.remove(each)
                reason = f"delivered {self.receive_limit} times without being dealt with"
                self._bury(each.id, queue, Message(each.body, each.attributes), reason, each.receive_count)
            return [self._claim(each, now + _nano(lease)) for each in due[:limit]]

    def acknowledge(self, messages: Sequence[Received]) -> None:
        done = {message.id for message in messages}
        with self._reached():
            self._stored = [each for each in self._stored if each.id not in done]

    def release(self, messages: Sequence[Received]) -> None:
        with self._reached() as now:
            self._give_back(messages, now)

    def extend(self, messages: Sequence[Received], lease: timedelta) -> None:
        with self._reached() as now:
            for each in self._held(messages):
                each.due = now + _nano(lease)

    def due(self) -> Mapping[str, Due]:
        found: dict[str, Due] = {}
        with self._reached() as now:
            for each in sorted((each for each in self._stored if each.due <= now), key=lambda each: each.due):
                old = found.get(each.queue, Due(0, each.due))
                found[each.queue] = replace(old, count=min(old.count + 1, _DUE_COUNTED))
        return found

    def wait(self, timeout: timedelta) -> None:
        self._news.wait(timeout.total_seconds())
        self._news.clear()

    def wake(self) -> None:
        self._news.set()

    # --- inside ---------------------------------------------------------------------------------------------

    @contextmanager
    def _reached(self) -> Iterator[int]:
        """The time, unless the engine is down; nobody else changes anything meanwhile."""
        with self._lock:
            if self.outage is not None:
                raise self.outage
            yield self.clock.now_unix_nano()

    def _claim(self, each: _Stored, due: int) -> Received:
        each.due, each.receipt = due, f"r{next(self._numbers)}"
        each.receive_count += 1
        return Received(
            each.id, each.queue, each.body, dict(each.attributes), each.receive_count, each.receipt, each.sent
        )

    def _held(self, messages: Sequence[Received]) -> list[_Stored]:
        """Those of `messages` whose delivery still holds the lease."""
        receipts = {message.receipt for message in messages}
        return [each for each in self._stored if each.receipt in receipts]

    def _give_back(self, messages: Sequence[Received], due: int) -> None:
        for each in self._held(messages):
            each.due, each.receipt = due, ""
        self.wake()

    def _bury(self, message_id: str, queue: str, message: Message, reason: str, receive_count: int) -> None:
        letter = DeadLetter(
            message_id, message.body, dict(message.attributes), reason, receive_count, self.clock.now_unix_nano()
        )
        self._dead.append(_Dead(next(self._numbers), queue, letter))

    def _take_dead(self, queue: str, ids: Sequence[str] | None) -> list[DeadLetter]:
        taken = [each for each in self._dead if each.queue == queue and (ids is None or each.letter.id in ids)]
        self._dead = [each for each in self._dead if each not in taken]
        return [each.letter for each in taken]


def _nano(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1) * 1000
