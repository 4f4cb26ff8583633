"""Bus and Source on NATS JetStream. What they promise is in `ports.bus`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from threading import Event
from uuid import uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg

from headrace.adapters.bus_nats.connection import Connection, Missing, all_of
from headrace.adapters.bus_nats.consumer import Consumer, Held
from headrace.adapters.bus_nats.dead import DeadLetters
from headrace.adapters.bus_nats.later import Later
from headrace.adapters.bus_nats.messages import Stored, encode, new
from headrace.adapters.bus_nats.names import SharedNames, check_queue, subject_of
from headrace.adapters.bus_nats.scout import Scout
from headrace.adapters.bus_nats.streams import Streams
from headrace.ports.bus import DeadLetterPage, Due, Message, QueueStats, Received
from headrace.ports.clock import Clock
from headrace.times import nanoseconds

ACK_WAIT = timedelta(seconds=20)
_LONGEST_BACK_OFF = timedelta(minutes=5)


class NatsBus:
    """The bus on the servers at `url`. Leases and delays follow `clock`.

    A message is delivered `receive_limit` times, then it is a dead letter. `prefix` begins the names of what is shared
    by all queues, `replicas` is how many servers keep each message. `ack_wait` is how long a process may be silent.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        receive_limit: int,
        prefix: str = "gf-ai",
        replicas: int = 1,
        ack_wait: timedelta = ACK_WAIT,
    ) -> None:
        self._names = SharedNames(prefix)
        self._connection = Connection(url, f"{prefix} bus", self._listen)
        self._streams = Streams(self._connection, self._names, replicas, ack_wait)
        self._consumer = Consumer(self._connection, ack_wait)
        self._later = Later(self._connection, self._streams, self._names, clock)
        self._dead = DeadLetters(self._connection, self._streams)
        self._scout = Scout(self._connection, self._consumer)
        self._clock, self._receive_limit = clock, receive_limit
        self._news = Event()

    # --- publishing -------------------------------------------------------------------------------------

    def publish(self, queue: str, messages: Sequence[Message], *, delay: timedelta = timedelta(0)) -> list[str]:
        """See `Bus.publish`. All are on their way at once; a message is stored when the server has said so.

        Raises:
            TooLarge: a message over the server's limit (`max_payload`, 1 MiB unless it was raised).
        """
        now = self._clock.now_unix_nano()
        stored = [new(message, str(uuid4()), now, now + nanoseconds(delay)) for message in messages]
        self._connection.run(self._publish(queue, stored))
        return [each.id for each in stored]

    def retry_later(self, messages: Sequence[Received], delay: timedelta) -> None:
        """See `Bus.retry_later`."""
        due = self._clock.now_unix_nano() + nanoseconds(delay)
        self._connection.run(self._give_back([(message, due) for message in messages]))

    def dead_letter(self, queue: str, messages: Sequence[Message], reason: str) -> None:
        """See `Bus.dead_letter`."""
        now = self._clock.now_unix_nano()
        letters = [new(message, str(uuid4()), now, now) for message in messages]
        self._connection.run(self._dead.bury(queue, letters, reason, now))

    # --- looking and mending ----------------------------------------------------------------------------

    def stats(self, queue: str) -> QueueStats:
        """See `Bus.stats`. What another process has taken and not yet given to a handler counts as in flight."""
        return self._connection.run(self._stats(queue))

    def dead_letters(self, queue: str, *, limit: int = 50, cursor: str | None = None) -> DeadLetterPage:
        """See `Bus.dead_letters`."""
        return self._connection.run(self._dead.page(queue, limit, cursor))

    def redrive(self, queue: str, ids: Sequence[str] | None = None) -> int:
        """See `Bus.redrive`."""
        return self._connection.run(self._redrive(queue, ids))

    def discard(self, queue: str, ids: Sequence[str] | None = None) -> int:
        """See `Bus.discard`."""
        return self._connection.run(self._dead.discard(queue, ids))

    def ping(self) -> None:
        """See `Bus.ping`. Asks JetStream, since a server may be up without it."""
        self._connection.run(self._connection.api("INFO"))

    def close(self) -> None:
        """Give back what is held, and let the connection go; the bus opens it again when it is used again."""
        self._connection.close(self._consumer.give_up)
        self._consumer.forget()

    # --- consuming (Source) -----------------------------------------------------------------------------

    def receive(self, queue: str, *, limit: int, lease: timedelta) -> list[Received]:
        """See `Source.receive`."""
        return self._connection.run(self._receive(check_queue(queue), limit, lease))

    def acknowledge(self, messages: Sequence[Received]) -> None:
        """See `Source.acknowledge`."""
        self._connection.run(self._acknowledge(messages))

    def release(self, messages: Sequence[Received]) -> None:
        """See `Source.release`. Without `retry_later` the wait doubles with each delivery, up to five minutes."""
        now = self._clock.now_unix_nano()
        waits = [min(timedelta(seconds=2 ** min(each.receive_count - 1, 16)), _LONGEST_BACK_OFF) for each in messages]
        back = [(message, now + nanoseconds(wait)) for message, wait in zip(messages, waits, strict=True)]
        self._connection.run(self._give_back(back))

    def extend(self, messages: Sequence[Received], lease: timedelta) -> None:
        """See `Source.extend`."""
        self._connection.run(self._extend(messages, self._clock.now_unix_nano() + nanoseconds(lease)))

    def due(self) -> Mapping[str, Due]:
        """See `Source.due`."""
        return self._connection.run(self._due())

    def wait(self, timeout: timedelta) -> None:
        """See `Source.wait`. Publishers tell all processes where there is something new."""
        self._news.wait(timeout.total_seconds())
        self._news.clear()

    def wake(self) -> None:
        """See `Source.wake`."""
        self._news.set()

    # --- on the loop ------------------------------------------------------------------------------------

    async def _publish(self, queue: str, messages: Sequence[Stored]) -> None:
        waiting = [each for each in messages if each.due_unix_nano > self._clock.now_unix_nano()]
        if waiting:
            await self._later.keep(queue, waiting)
        at_once = [each for each in messages if each not in waiting] if waiting else messages
        if at_once:
            await all_of([self._store(queue, each, each.unique) for each in at_once])
            await self._tell(queue)

    async def _store(self, queue: str, stored: Stored, unique: str) -> None:
        subject, headers = subject_of(queue), encode(stored, unique)
        try:
            await self._connection.store(subject, stored.body, headers)
        except Missing:
            await self._streams.make_queue(queue)
            await self._connection.store(subject, stored.body, headers)

    async def _tell(self, queue: str) -> None:
        """Let consumers look. It may get lost: they also look by themselves from time to time."""
        self._scout.news(queue)
        self.wake()
        client = await self._connection.client()
        await client.publish(self._names.news, queue.encode())

    async def _give_back(self, messages: Sequence[tuple[Received, int]]) -> None:
        held = [(found, due) for message, due in messages if (found := self._consumer.leased(message)) is not None]
        for found, _ in held:
            found.token = ""  # a second call for the same delivery does nothing
        await all_of([self._store_anew(found, due) for found, due in held])

    async def _store_anew(self, held: Held, due: int) -> None:
        """With its time and its count, so that both survive this process; then forget the old one.

        Dying between the two leaves both, and the message is worked on twice.
        """
        await self._publish(held.queue, [held.stored.waiting(due, held.deliveries)])
        await self._consumer.acknowledge([held])

    async def _stats(self, queue: str) -> QueueStats:
        waiting, taken, _ = await self._consumer.pending(queue)
        now = self._clock.now_unix_nano()
        idle = sum(not held.token or held.due_unix_nano <= now for held in self._consumer.of(queue))
        depth = waiting + min(idle, taken) + await self._later.waiting(queue)
        return QueueStats(depth, max(0, taken - idle), await self._dead.count(queue))

    async def _redrive(self, queue: str, ids: Sequence[str] | None) -> int:
        now = self._clock.now_unix_nano()

        async def move(stored: Stored, unique: str) -> None:
            await self._store(queue, stored.anew(now), f"{stored.id}.{unique}")

        moved = await self._dead.redrive(queue, ids, move)
        if moved:
            await self._tell(queue)
        return moved

    async def _receive(self, queue: str, limit: int, lease: timedelta) -> list[Received]:
        await self._move_due()
        until = self._clock.now_unix_nano() + nanoseconds(lease)
        taken: list[Held] = []
        while len(taken) < limit:
            fresh = self._ready(queue, limit - len(taken))
            fresh = fresh or await self._consumer.pull(queue, limit - len(taken))
            if not fresh:
                break
            for held in fresh:
                held.due_unix_nano = until  # at once, so that no other thread's call takes it as well
            taken += await self._not_worn_out(queue, fresh)
        self._scout.news(queue)  # what is left there is not known any more
        return [held.lease(until) for held in taken]

    def _ready(self, queue: str, limit: int) -> list[Held]:
        """What is held here and was not dealt with in its lease."""
        now = self._clock.now_unix_nano()
        ready = [held for held in self._consumer.of(queue) if held.due_unix_nano <= now]
        return sorted(ready, key=lambda held: held.due_unix_nano)[:limit]

    async def _not_worn_out(self, queue: str, held: Sequence[Held]) -> list[Held]:
        """Those that may be delivered once more; the others become dead letters."""
        worn = [each for each in held if each.deliveries >= self._receive_limit]
        if worn:
            now = self._clock.now_unix_nano()
            letters = [each.stored.waiting(now, each.deliveries) for each in worn]
            reason = f"delivered {self._receive_limit} times without being dealt with"
            await self._dead.bury(queue, letters, reason, now)
            await self._consumer.acknowledge(worn)
        return [each for each in held if each.deliveries < self._receive_limit]

    async def _acknowledge(self, messages: Sequence[Received]) -> None:
        held = [found for message in messages if (found := self._consumer.find(message)) is not None]
        await self._consumer.acknowledge(held)

    async def _extend(self, messages: Sequence[Received], until: int) -> None:
        held = [found for message in messages if (found := self._consumer.leased(message)) is not None]
        for found in held:
            found.due_unix_nano = until
        await self._consumer.extend(held)

    async def _due(self) -> dict[str, Due]:
        await self._move_due()
        return await self._scout.due(self._clock.now_unix_nano())

    async def _move_due(self) -> None:
        for queue in await self._later.move_due():
            self._scout.news(queue)

    async def _listen(self, client: Client) -> None:
        async def heard(message: Msg) -> None:
            self._scout.news(message.data.decode())
            self.wake()

        await client.subscribe(self._names.news, cb=heard)
        self._scout.all_new()
