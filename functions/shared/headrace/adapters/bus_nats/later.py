"""Messages that have to wait for their time, in a stream of their own, whose subjects begin with that time.

JetStream can deliver a message again after a delay, but counts that as an attempt, and the server's own schedules
need 2.12. Here any process that consumes looks a few times a second which subjects have come due and moves their
messages to their queue. Two that move the same one store it under the same id, and the server keeps one.
"""

from collections.abc import Iterable

from headrace.adapters.bus_nats.connection import Connection, Missing, all_of
from headrace.adapters.bus_nats.messages import Stored, decode, encode
from headrace.adapters.bus_nats.names import SharedNames, minute_of, subject_of
from headrace.adapters.bus_nats.streams import Streams
from headrace.ports.clock import Clock

_LOOK_EVERY_NANOSECONDS = 500_000_000
_ALL_AFTER_MINUTES = 5
"""Who has not looked for so long reads all subjects instead of those of each minute."""
_LATE_MINUTES = 5
"""How far back the first look in a minute goes: a slow server, or a process whose clock is behind, may store a message
under a minute that was looked at before."""


class Later:
    """The stream of waiting messages. Used on the connection's loop only."""

    def __init__(self, connection: Connection, streams: Streams, names: SharedNames, clock: Clock) -> None:
        self._connection, self._streams, self._names, self._clock = connection, streams, names, clock
        self._next_look = 0
        self._looked_minute = 0

    async def keep(self, queue: str, stored: Iterable[Stored]) -> None:
        """Store messages, each until it is due."""
        messages = list(stored)
        self._next_look = min([self._next_look, *(each.due_unix_nano for each in messages)])
        await all_of([self._store(queue, each) for each in messages])

    async def move_due(self) -> list[str]:
        """Move what is due to its queue; which queues got something."""
        now = self._clock.now_unix_nano()
        if now < self._next_look:
            return []
        minute, since = minute_of(now), self._looked_minute
        self._next_look = now + _LOOK_EVERY_NANOSECONDS
        moved, upcoming = set(), [self._next_look]
        for subject in await self._subjects(since, minute):
            _, _, due, queue = subject.rsplit(".", 3)
            if int(due) > now:
                upcoming.append(int(due))
            elif await self._move(subject, queue):
                moved.add(queue)
        self._next_look, self._looked_minute = min(upcoming), minute
        return sorted(moved)

    async def waiting(self, queue: str) -> int:
        """How many messages of a queue wait here."""
        found = await self._connection.count(self._names.later, f"{self._names.later}.*.*.{queue}")
        return sum((found.get("subjects") or {}).values())

    async def _store(self, queue: str, stored: Stored) -> None:
        subject, headers = self._names.later_subject(queue, stored.due_unix_nano), encode(stored, stored.unique)
        try:
            await self._connection.store(subject, stored.body, headers)
        except Missing:
            await self._streams.make_later()
            await self._connection.store(subject, stored.body, headers)

    async def _subjects(self, since: int, minute: int) -> list[str]:
        """Subjects of the minutes that have begun since the last look, and of the one to come."""
        all_of_them = minute - since > _ALL_AFTER_MINUTES
        first = since if minute == since else since - _LATE_MINUTES
        minutes = ["*"] if all_of_them else [str(each) for each in range(first, minute + 2)]
        found: list[str] = []
        for each in minutes:
            state = await self._connection.count(self._names.later, f"{self._names.later}.{each}.>")
            found += state.get("subjects") or {}
        return found

    async def _move(self, subject: str, queue: str) -> bool:
        """Whether there was anything under `subject`: somebody else may have been faster."""
        sequence, found = 0, False
        while read := await self._connection.read(self._names.later, {"seq": sequence + 1, "next_by_subj": subject}):
            sequence = read.sequence
            await self._to_queue(queue, decode(read.headers, read.body))
            await self._connection.api_if_there(f"STREAM.MSG.DELETE.{self._names.later}", {"seq": sequence})
            found = True
        return found

    async def _to_queue(self, queue: str, stored: Stored) -> None:
        # Not the id under which it was stored here: the queue may have seen that one less than two minutes ago.
        headers = encode(stored, f"{stored.unique}.due")
        try:
            await self._connection.store(subject_of(queue), stored.body, headers)
        except Missing:
            await self._streams.make_queue(queue)
            await self._connection.store(subject_of(queue), stored.body, headers)
