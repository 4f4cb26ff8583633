"""Which queues have messages due, with as few questions to the server as can be.

A queue is asked about when there was news of it: something published or received here, a word from another process.
Words can get lost, and what a dead process had comes back without one: so every few seconds all queues are asked about
that hold anything, whose names and counts come in pages of 256.
"""

import time

from headrace.adapters.bus_nats.connection import Connection, all_of
from headrace.adapters.bus_nats.consumer import Consumer, Held
from headrace.adapters.bus_nats.messages import decode
from headrace.adapters.bus_nats.names import subject_of
from headrace.ports.bus import Due

COUNTED = 10
_SWEEP_EVERY_SECONDS = 5.0


class Scout:
    """What is known of the queues. Used on the connection's loop only."""

    def __init__(self, connection: Connection, consumer: Consumer) -> None:
        self._connection, self._consumer = connection, consumer
        self._new: set[str] = set()
        self._waiting: dict[str, Due] = {}
        self._swept = float("-inf")

    def news(self, queue: str) -> None:
        """Something may have changed there."""
        self._new.add(queue)

    def all_new(self) -> None:
        """Anything may have changed anywhere."""
        self._swept = float("-inf")

    async def due(self, now: int) -> dict[str, Due]:
        """Of every queue what could be received at `now`, here or on the server."""
        if time.monotonic() > self._swept + _SWEEP_EVERY_SECONDS:
            await self._sweep()
        asked, self._new = sorted(self._new), set()
        try:
            answers = await all_of([self._on_server(queue, now) for queue in asked])
        except BaseException:
            self._new.update(asked)
            raise
        for queue, found in zip(asked, answers, strict=True):
            self._waiting.pop(queue, None)
            if found is not None:
                self._waiting[queue] = found
        return self._with_held(now)

    async def _sweep(self) -> None:
        offset, total = 0, 1
        while offset < total:
            page = await self._connection.api("STREAM.LIST", {"offset": offset})
            streams = page.get("streams") or []
            if not streams:
                break
            queues = [each["config"]["name"] for each in streams if each["config"]["retention"] == "workqueue"]
            filled = {each["config"]["name"] for each in streams if each["state"]["messages"]}
            self._new |= filled.intersection(queues)
            offset, total = offset + len(streams), page["total"]
        self._swept = time.monotonic()

    async def _on_server(self, queue: str, now: int) -> Due | None:
        waiting, taken, delivered = await self._consumer.pending(queue)
        if waiting >= COUNTED:  # nobody lets so many wait for company, and to look at the first costs its body
            return Due(COUNTED, now)
        if waiting:
            wanted = {"seq": delivered + 1, "next_by_subj": subject_of(queue)}
            first = await self._connection.read(queue, wanted)
            since = decode(first.headers, b"").due_unix_nano if first else now
            return Due(waiting, since)
        # Taken by others, who may have died: then a pull gets what they had.
        return Due(1, now) if taken > self._consumer.count(queue) else None

    def _with_held(self, now: int) -> dict[str, Due]:
        ready: dict[str, list[Held]] = {}
        for held in self._consumer.of():
            if held.due_unix_nano <= now:
                ready.setdefault(held.queue, []).append(held)
        return {queue: _sum(self._waiting.get(queue), ready.get(queue, [])) for queue in {*self._waiting, *ready}}


def _sum(waiting: Due | None, ready: list[Held]) -> Due:
    sinces = [held.due_unix_nano for held in ready] + ([waiting.since_unix_nano] if waiting else [])
    return Due(min(COUNTED, (waiting.count if waiting else 0) + len(ready)), min(sinces))
