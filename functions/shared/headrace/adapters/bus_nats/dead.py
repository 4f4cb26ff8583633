"""Dead letters: a stream beside each queue's own, with a subject for each letter."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from headrace.adapters.bus_nats.connection import Connection, Missing, Read, all_of
from headrace.adapters.bus_nats.messages import Stored, decode, decode_dead, encode_dead
from headrace.adapters.bus_nats.names import dead_stream, dead_subject
from headrace.adapters.bus_nats.streams import Streams
from headrace.errors import InvalidInput
from headrace.ports.bus import DeadLetterPage

_CURSOR = re.compile("[0-9]{1,18}")
_ID = re.compile("[A-Za-z0-9_-]{1,64}")

Move = Callable[[Stored, str], Awaitable[None]]
"""`(message, what tells this move from all others)`"""


class DeadLetters:
    """The dead letters of all queues. Used on the connection's loop only."""

    def __init__(self, connection: Connection, streams: Streams) -> None:
        self._connection, self._streams = connection, streams

    async def bury(self, queue: str, letters: Sequence[Stored], reason: str, now: int) -> None:
        """Store messages as dead letters."""
        await all_of([self._store(queue, each, reason, now) for each in letters])

    async def page(self, queue: str, limit: int, cursor: str | None) -> DeadLetterPage:
        """See `Bus.dead_letters`."""
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise InvalidInput("the cursor is not one that was given out here", field="cursor")
        found = await self._read(queue, int(cursor or 0), limit + 1)
        items = [decode_dead(each.headers, each.body) for each in found[:limit]]
        return DeadLetterPage(items, str(found[limit - 1].sequence) if len(found) > limit else None)

    async def redrive(self, queue: str, ids: Sequence[str] | None, move: Move) -> int:
        """Hand letters to `move` and remove them; how many were moved by this call."""
        moved = 0
        remove = f"STREAM.MSG.DELETE.{dead_stream(queue)}"
        for letter in await (self._read(queue, 0, None) if ids is None else self._named(queue, ids)):
            await move(decode(letter.headers, letter.body), f"redriven.{letter.sequence}")
            answer = await self._connection.api_if_there(remove, {"seq": letter.sequence})
            moved += bool(answer.get("success"))
        return moved

    async def discard(self, queue: str, ids: Sequence[str] | None) -> int:
        """Remove letters for good; how many this call removed."""
        stream = f"STREAM.PURGE.{dead_stream(queue)}"
        if ids is None:
            return int((await self._connection.api_if_there(stream)).get("purged", 0))
        filters = [dead_subject(queue, each) for each in dict.fromkeys(ids) if _ID.fullmatch(each)]
        answers = await all_of([self._connection.api_if_there(stream, {"filter": each}) for each in filters])
        return sum(int(answer.get("purged", 0)) for answer in answers)

    async def count(self, queue: str) -> int:
        """How many there are."""
        return int((await self._connection.count(dead_stream(queue)))["messages"])

    async def _store(self, queue: str, stored: Stored, reason: str, now: int) -> None:
        subject, headers = dead_subject(queue, stored.id), encode_dead(stored, reason, now)
        try:
            await self._connection.store(subject, stored.body, headers)
        except Missing:
            await self._streams.make_dead(queue)
            await self._connection.store(subject, stored.body, headers)

    async def _read(self, queue: str, after: int, limit: int | None) -> list[Read]:
        """Letters behind a sequence number, oldest first; all that are there now, without a limit."""
        stream = dead_stream(queue)
        found: list[Read] = []
        wanted: dict[str, Any] = {"seq": after + 1, "next_by_subj": dead_subject(queue)}
        last = (await self._connection.count(stream))["last_seq"] if limit is None else None
        while limit is None or len(found) < limit:
            letter = await self._connection.read(stream, wanted)
            if letter is None or (last is not None and letter.sequence > last):
                break
            found.append(letter)
            wanted["seq"] = letter.sequence + 1
        return found

    async def _named(self, queue: str, ids: Sequence[str]) -> list[Read]:
        wanted = [dead_subject(queue, each) for each in dict.fromkeys(ids) if _ID.fullmatch(each)]
        found = await all_of([self._connection.read(dead_stream(queue), {"last_by_subj": each}) for each in wanted])
        return [letter for letter in found if letter is not None]
