"""Wiring on NATS: queues are streams, and what each project wants is one message in a stream that all processes read.

A project's subscriptions are stored together, so that no mixture of two wishes can come about.
"""

import json
from collections.abc import Mapping, Sequence, Set
from datetime import timedelta
from typing import Any

from headrace.adapters.bus_nats.connection import ApiError, Connection, Missing, Read
from headrace.adapters.bus_nats.names import SharedNames, check_queue
from headrace.adapters.bus_nats.streams import Streams
from headrace.ports.wiring import Subscription

_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_OTHERS_WERE_FASTER = 10071  # wrong last sequence
_ATTEMPTS = 50


class NatsWiring:
    """See `ports.wiring.Wiring`. The other arguments as for the bus."""

    def __init__(
        self, url: str, *, prefix: str = "gf-ai", replicas: int = 1, ack_wait: timedelta = timedelta(seconds=20)
    ) -> None:
        self._names = SharedNames(prefix)
        self._connection = Connection(url, f"{prefix} wiring")
        self._streams = Streams(self._connection, self._names, replicas, ack_wait)
        self._known: dict[str, list[Subscription]] = {}
        self._read_to = 0

    def reconcile(self, project_id: str, wanted: list[Subscription]) -> None:
        """See `Wiring.reconcile`. A queue that is no longer wanted goes with its messages and dead letters."""
        self._connection.run(self._reconcile(project_id, wanted))

    def subscriptions(self) -> list[Subscription]:
        """See `Wiring.subscriptions`. One question to the server as long as nothing has changed."""
        return self._connection.run(self._subscriptions())

    def close(self) -> None:
        """Let the connection go; the next use opens it again."""
        self._connection.close()

    # --- on the loop ------------------------------------------------------------------------------------

    async def _reconcile(self, project_id: str, wanted: Sequence[Subscription]) -> None:
        queues = {check_queue(each.queue) for each in wanted}
        sequence, before = await self._replace(project_id, wanted)
        if not await self._made(queues, project_id, sequence):
            return
        gone = before - queues
        if not wanted:
            # Also what functions that still remembered its keys have made anew after it was gone.
            gone |= set(await self._streams.queues_ending(f"-{project_id}"))
        for queue in sorted(gone):
            if not await self._is_last(project_id, sequence):
                return
            await self._streams.remove_queue(queue)

    async def _made(self, queues: Set[str], project_id: str, sequence: int) -> bool:
        """Make the queues. False when somebody with a later wish removes them meanwhile, and has the last word."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                for queue in sorted(queues):
                    await self._streams.make_queue(queue)
            except ApiError as problem:
                if not problem.missing or attempt == _ATTEMPTS:
                    raise
                if not await self._is_last(project_id, sequence):
                    return False
            else:
                return True
        return False

    async def _replace(self, project_id: str, wanted: Sequence[Subscription]) -> tuple[int, set[str]]:
        """Store what is wanted now; under which sequence number, and the queues that were wanted before it.

        Of two at once the second sees what the first stored.
        """
        subject = self._names.subscriptions_subject(project_id)
        for attempt in range(1, _ATTEMPTS + 1):
            found = await self._last(project_id)
            expected = {_EXPECTED: str(found.sequence if found else 0)}
            try:
                sequence = await self._connection.store(subject, _encode(wanted), expected)
            except Missing:
                await self._streams.make_subscriptions()
            except ApiError as problem:
                if problem.code != _OTHERS_WERE_FASTER or attempt == _ATTEMPTS:
                    raise
            else:
                return sequence, {each.queue for each in (_decode(found.body) if found else ())}
        raise Missing("the stream of subscriptions cannot be made")

    async def _last(self, project_id: str) -> Read | None:
        subject = self._names.subscriptions_subject(project_id)
        return await self._connection.read(self._names.subscriptions, {"last_by_subj": subject})

    async def _is_last(self, project_id: str, sequence: int) -> bool:
        found = await self._last(project_id)
        return found is not None and found.sequence == sequence

    async def _subscriptions(self) -> list[Subscription]:
        stream = self._names.subscriptions
        last: int = (await self._connection.count(stream))["last_seq"]
        if last < self._read_to:  # the stream was made anew
            self._known, self._read_to = {}, 0
        while self._read_to < last:
            wanted: Mapping[str, Any] = {"seq": self._read_to + 1, "next_by_subj": f"{stream}.*"}
            found = await self._connection.read(stream, wanted)
            if found is None:  # what is next was replaced in this moment
                break
            self._known[found.subject] = _decode(found.body)
            self._read_to = found.sequence
        return [each for subscriptions in self._known.values() for each in subscriptions]


def _encode(subscriptions: Sequence[Subscription]) -> bytes:
    return json.dumps(
        [
            {
                "queue": each.queue,
                "kind": each.kind,
                "batch_window_ms": each.batch_window // timedelta(milliseconds=1),
                "max_concurrency": each.max_concurrency,
                "active": each.active,
            }
            for each in subscriptions
        ]
    ).encode()


def _decode(data: bytes) -> list[Subscription]:
    return [
        Subscription(
            each["queue"],
            each["kind"],
            timedelta(milliseconds=each["batch_window_ms"]),
            each["max_concurrency"],
            each["active"],
        )
        for each in json.loads(data)
    ]
