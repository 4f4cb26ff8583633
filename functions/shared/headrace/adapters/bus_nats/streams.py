"""The streams and consumers on the server, made when they are first needed. Repeating changes nothing."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from headrace.adapters.bus_nats.connection import ApiError, Connection
from headrace.adapters.bus_nats.names import CONSUMER, SharedNames, dead_stream, dead_subject, subject_of
from headrace.times import SECOND_NANO, nanoseconds

_EXISTS_OTHERWISE = 10058  # stream name already in use with a different configuration
_DUPLICATES_NANOSECONDS = 120 * SECOND_NANO
_PAGE = 1024


class Streams:
    """What a deployment has on the server, each stream with `replicas` copies.

    A message that nobody has reported on for `ack_wait` belongs to a process that died.
    """

    def __init__(self, connection: Connection, names: SharedNames, replicas: int, ack_wait: timedelta) -> None:
        self._connection, self._names, self._replicas, self._ack_wait = connection, names, replicas, ack_wait

    async def make_queue(self, queue: str) -> None:
        """The stream of a queue, and the consumer that all workers share."""
        await self._make(queue, [subject_of(queue)], retention="workqueue")
        consumer = {
            "name": CONSUMER,
            "durable_name": CONSUMER,
            "ack_policy": "explicit",
            "ack_wait": nanoseconds(self._ack_wait),
            "max_deliver": -1,  # who gives up, and when, is decided by us: see `consumer`
            "max_ack_pending": -1,
            "deliver_policy": "all",
            "replay_policy": "instant",
        }
        await self._connection.api(f"CONSUMER.CREATE.{queue}.{CONSUMER}", {"stream_name": queue, "config": consumer})

    async def make_dead(self, queue: str) -> None:
        """The stream of a queue's dead letters."""
        await self._make(dead_stream(queue), [dead_subject(queue)])

    async def make_later(self) -> None:
        """The stream of what has to wait."""
        await self._make(self._names.later, [f"{self._names.later}.*.*.*"])

    async def make_subscriptions(self) -> None:
        """The stream of subscriptions: the last word of each project counts."""
        subjects = [f"{self._names.subscriptions}.*"]
        await self._make(self._names.subscriptions, subjects, max_msgs_per_subject=1)

    async def remove_queue(self, queue: str) -> None:
        """Remove a queue with all that waits or died there."""
        for stream in (queue, dead_stream(queue)):
            await self._connection.api_if_there(f"STREAM.DELETE.{stream}")
        wanted = {"filter": f"{self._names.later}.*.*.{queue}"}
        await self._connection.api_if_there(f"STREAM.PURGE.{self._names.later}", wanted)

    async def queues_ending(self, ending: str) -> list[str]:
        """The queues whose name ends so, by their own streams or those of their dead letters."""
        found, offset, total = set(), 0, 1
        while offset < total:
            page = await self._connection.api("STREAM.NAMES", {"offset": offset})
            found |= {name.removesuffix("-dlq") for name in page.get("streams") or ()}
            offset, total = offset + _PAGE, page["total"]
        return sorted(name for name in found if name.endswith(ending))

    async def _make(self, name: str, subjects: list[str], **more: Any) -> None:
        config = {
            "name": name,
            "subjects": subjects,
            "retention": "limits",
            "storage": "file",
            "discard": "new",
            "num_replicas": self._replicas,
            "duplicate_window": _DUPLICATES_NANOSECONDS,
            "max_consumers": -1,
            "max_msgs": -1,
            "max_bytes": -1,
            "max_age": 0,
            **more,
        }
        try:
            await self._connection.api(f"STREAM.CREATE.{name}", config)
        except ApiError as problem:
            if problem.code != _EXISTS_OTHERWISE:
                raise
            await self._update(name, config)

    async def _update(self, name: str, config: Mapping[str, Any]) -> None:
        """Bring an older stream to what is wanted now, keeping what an operator has set beside it."""
        present = (await self._connection.api(f"STREAM.INFO.{name}"))["config"]
        await self._connection.api(f"STREAM.UPDATE.{name}", {**present, **config})
