"""What this process has taken from the server: pulled, leased by the clock of the port, and reported on meanwhile.

As long as a message is held here the server hears every few seconds that it is in progress. When this process dies,
or is cut off, that ends, and the server gives the message to another: what is held here is then lost to us.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from headrace import events
from headrace.adapters.bus_nats.connection import CALL_SECONDS, ApiError, Connection, all_of
from headrace.adapters.bus_nats.messages import Stored, decode, received
from headrace.adapters.bus_nats.names import CONSUMER
from headrace.errors import Unavailable
from headrace.observability import crash
from headrace.ports.bus import Received

_REPORTS = 4
"""How often the server hears of a message before it would believe us dead."""
_MORE_SECONDS = 0.5
"""How long the rest of a pull may be behind its first message."""
_FIRST_SECONDS = 2.0
_FAREWELL_SECONDS = 1


@dataclass(slots=True)
class Held:
    """One message that the server believes to be in progress here."""

    queue: str
    sequence: int
    stored: Stored
    reply: str
    deliveries: int
    """By this and earlier processes, those that were cut short by a death among them."""
    due_unix_nano: int
    """When it may be delivered: the end of its lease while it is leased."""
    ours_until: float
    """By the monotonic clock: later than that the server may have given it to somebody else."""
    token: str = ""
    done: bool = False
    """Its work is done, whether or not the server knows: it is never delivered here again."""
    telling: bool = False
    """The server is being told so."""

    @property
    def receipt(self) -> str:
        """Names the present delivery."""
        return f"{self.sequence}:{self.token}"

    @property
    def lost(self) -> bool:
        """Whether somebody else may have it by now."""
        return time.monotonic() > self.ours_until

    def lease(self, until_unix_nano: int) -> Received:
        """Deliver it once more."""
        self.deliveries += 1
        self.due_unix_nano, self.token = until_unix_nano, token_hex(8)
        return received(self.stored, self.queue, self.deliveries, self.receipt)


class Consumer:
    """Everything that is held. Used on the connection's loop only."""

    def __init__(self, connection: Connection, ack_wait: timedelta) -> None:
        self._connection = connection
        self._ack_wait_seconds = ack_wait.total_seconds()
        self._held: dict[tuple[str, int], Held] = {}
        self._pulls: dict[str, asyncio.Lock] = {}
        self._known: set[str] = set()
        self._reporting = False

    def of(self, queue: str | None = None) -> Iterator[Held]:
        """What is held, still ours and not done, of one queue or of all."""
        held = tuple(self._held.values())
        return (each for each in held if queue in (None, each.queue) and not (each.done or each.lost))

    def count(self, queue: str) -> int:
        """How many of a queue the server believes to be in progress here."""
        return sum(each.queue == queue and not each.lost for each in self._held.values())

    def find(self, message: Received) -> Held | None:
        """Who acknowledges late has done the work all the same, so the delivery is not compared."""
        return self._held.get((message.queue, int(message.receipt.partition(":")[0])))

    def leased(self, message: Received) -> Held | None:
        """The message, as long as this very delivery has it."""
        held = self.find(message)
        return held if held is not None and held.receipt == message.receipt and not held.lost else None

    async def pull(self, queue: str, limit: int) -> list[Held]:
        """Up to `limit` messages that wait on the server; none when there is no such queue."""
        async with self._pulls.setdefault(queue, asyncio.Lock()):  # the server lets one of several wait
            if queue not in self._known and not await self._exists(queue):
                return []
            try:
                messages = await self._pulled(queue, limit)
            except TimeoutError:  # nobody answers for a consumer that is gone
                self._known.discard(queue)
                if await self._exists(queue):
                    raise
                return []
        if messages and not self._reporting:
            self._reporting = True
            self._connection.spawn(self._report)
        held = [self._hold(queue, message) for message in messages]
        return [each for each in held if not each.done]

    async def acknowledge(self, held: Sequence[Held]) -> None:
        """Tell the server that these are done. Returns when it knows; when it cannot be told, it is told later."""
        for each in held:
            each.done = True
        await all_of([self._acknowledged(each) for each in held])

    async def extend(self, held: Sequence[Held]) -> None:
        """Tell the server that these are in progress."""
        client = await self._connection.client()
        for each in held:
            each.ours_until = time.monotonic() + self._ack_wait_seconds
            await client.publish(each.reply, b"+WPI")

    async def give_up(self) -> None:
        """Let others have what is held, at once."""
        held, self._held = list(self._held.values()), {}
        client = await self._connection.client()
        for each in held:
            if each.done or not each.lost:
                await client.publish(each.reply, b"+ACK" if each.done else b"-NAK")
        await client.flush(_FAREWELL_SECONDS)

    def forget(self) -> None:
        """Begin anew, after the connection was closed and with it the loop."""
        self._held, self._pulls, self._known, self._reporting = {}, {}, set(), False

    async def pending(self, queue: str) -> tuple[int, int, int]:
        """Messages that were never delivered, those in progress anywhere, and the last sequence delivered."""
        info = await self._connection.api_if_there(f"CONSUMER.INFO.{queue}.{CONSUMER}")
        if not info:
            return 0, 0, 0
        return info["num_pending"], info["num_ack_pending"], info["delivered"]["stream_seq"]

    async def _exists(self, queue: str) -> bool:
        if await self._connection.api_if_there(f"CONSUMER.INFO.{queue}.{CONSUMER}"):
            self._known.add(queue)
        return queue in self._known

    # --- inside -----------------------------------------------------------------------------------------

    async def _pulled(self, queue: str, limit: int) -> list[Msg]:
        """https://docs.nats.io/reference/reference-protocols/nats_api_reference#fetching-from-a-pull-consumer."""
        client = await self._connection.client()
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        try:
            request = json.dumps({"batch": limit, "no_wait": True}).encode()
            await client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{queue}.{CONSUMER}", request, reply=inbox)
            messages: list[Msg] = []
            while len(messages) < limit:
                message = await answers.next_msg(_MORE_SECONDS if messages else _FIRST_SECONDS)
                if (message.headers or {}).get("Status"):
                    break
                messages.append(message)
        except TimeoutError:
            if not messages:
                raise
        finally:
            await answers.unsubscribe()
        return messages

    def _hold(self, queue: str, message: Msg) -> Held:
        """What was done here before the server could be told is not done again: it is told soon, see `_report`."""
        metadata = message.metadata
        before = self._held.get((queue, metadata.sequence.stream))
        stored = decode(message.headers or {}, message.data, f"{metadata.sequence.stream}")
        held = Held(
            queue=queue,
            sequence=metadata.sequence.stream,
            stored=stored,
            reply=message.reply,
            deliveries=stored.deliveries + metadata.num_delivered - 1,
            due_unix_nano=stored.due_unix_nano,
            ours_until=time.monotonic() + self._ack_wait_seconds,
            done=before is not None and before.done,
        )
        self._held[queue, held.sequence] = held
        return held

    async def _acknowledged(self, held: Held) -> None:
        held.telling = True
        try:
            client = await self._connection.client()
            if held.lost:  # the server may not answer for what it has given to others
                await client.publish(held.reply, b"+ACK")
            else:
                await client.request(held.reply, b"+ACK", timeout=CALL_SECONDS)
        finally:
            held.telling = False
        self._held.pop((held.queue, held.sequence), None)

    async def _report(self) -> None:
        """Until the connection is closed. What was lost is kept a while, for it may be acknowledged late."""
        while True:
            await asyncio.sleep(self._ack_wait_seconds / _REPORTS)
            try:
                held = list(self._held.values())
                await self.extend([each for each in held if not each.lost])
                await self.acknowledge([each for each in held if each.done and not each.telling])
            except (Unavailable, NatsError, ApiError, OSError):
                continue  # the server does not hear us: see `Held.lost`
            except Exception:  # noqa: BLE001 - all leases of this process depend on this task
                crash(events.ProgressNotReported())
            forgotten = time.monotonic() - 10 * self._ack_wait_seconds
            for key, each in tuple(self._held.items()):
                if each.ours_until < forgotten:
                    del self._held[key]
