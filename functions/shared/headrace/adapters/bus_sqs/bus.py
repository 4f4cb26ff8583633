"""SqsBus: the Bus port on SQS. See `ports.bus` for what each method promises.

SQS cannot list a queue. To look at dead letters they are received, which hides them from others for a moment, and
given back at once. So a list is made of what could be received in one go, up to SCAN letters, in order of age; beyond
that it is a sample. Redriving or discarding some looks for them as long as a list does in time, but among any number;
redriving or discarding all goes on until nothing is left.
"""

import heapq
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from headrace.adapters.bus_sqs.letters import Letter, decode_letter, encode_letter
from headrace.adapters.bus_sqs.queues import Queues
from headrace.errors import InvalidInput, NotFound, Unavailable
from headrace.ports.bus import DeadLetterPage, Message, QueueStats, Received
from headrace.ports.clock import Clock

SCAN = 1000
"""Letters that one look at a queue receives, at most."""

_SCAN_S = 20
"""A look ends after this time, before API Gateway gives up, …"""
_HIDDEN_S = 40
"""… and before what it received at first comes back into view."""
_LONGEST_HIDING = timedelta(hours=12) - timedelta(minutes=15)
"""SQS counts 12 hours from the receipt, and a function may have held the message for 15 minutes."""
_CURSOR = re.compile("([0-9]{1,15})_([0-9A-Za-z-]{1,100})")
_NOT_YET = timedelta(seconds=5)


class SqsBus:
    """The bus in the account and region that botocore finds, or in `region`.

    `receive_limit` is the one of the queues' redrive policy. A message that is larger than 1 MiB is TooLarge.
    """

    def __init__(self, clock: Clock, *, receive_limit: int, queue_prefix: str, region: str = "") -> None:
        self._clock = clock
        self._receive_limit = receive_limit
        self._ping_queue = f"{queue_prefix}-ping"
        self._queues = Queues(region)

    def publish(self, queue: str, messages: Sequence[Message], *, delay: timedelta = timedelta(0)) -> list[str]:
        """See `Bus.publish`. SQS delays by whole seconds, rounded up here."""
        try:
            return self._queues.send(queue, messages, delay_s=_seconds(delay))
        except NotFound as missing:
            raise _not_yet(missing) from missing

    def retry_later(self, messages: Sequence[Received], delay: timedelta) -> None:
        """See `Bus.retry_later`. Whole seconds, rounded up; at most 11 h 45 min."""
        seconds = _seconds(min(delay, _LONGEST_HIDING))
        for queue in {message.queue for message in messages}:
            receipts = [message.receipt for message in messages if message.queue == queue]
            try:
                self._queues.hide(queue, receipts, seconds)
            except NotFound:
                continue  # deleted meanwhile, and its messages with it

    def dead_letter(self, queue: str, messages: Sequence[Message], reason: str) -> None:
        """See `Bus.dead_letter`."""
        try:
            self._queues.send(_dead(queue), [encode_letter(message, reason) for message in messages])
        except NotFound as missing:
            raise _not_yet(missing) from missing

    def stats(self, queue: str) -> QueueStats:
        """See `Bus.stats`. SQS counts are a minute old at most, and approximate."""
        try:
            alive, dead = self._queues.counts(queue), self._queues.counts(_dead(queue))
        except NotFound:
            return QueueStats(0, 0, 0)
        # A dead letter in flight is one that somebody is looking at.
        return QueueStats(alive.visible + alive.delayed, alive.in_flight, dead.visible + dead.delayed + dead.in_flight)

    def dead_letters(self, queue: str, *, limit: int = 50, cursor: str | None = None) -> DeadLetterPage:
        """See `Bus.dead_letters`. The cursor is a place in time: letters that were taken meanwhile do no harm."""
        after = (-1, "") if cursor is None else _decode_cursor(cursor)
        receipts: list[str] = []

        def wanted() -> Iterator[Letter]:
            for batch in self._batches(queue, receipts, most=SCAN):
                yield from (letter for letter in batch if letter.position > after)

        try:
            # Letters may be 1 MiB each, so no more than a page of them is kept.
            found = heapq.nsmallest(limit + 1, wanted(), key=lambda letter: letter.position)
        finally:
            self._give_back(queue, receipts)
        page = [letter.facts for letter in found[:limit]]
        return DeadLetterPage(page, _encode_cursor(found[limit - 1]) if len(found) > limit else None)

    def redrive(self, queue: str, ids: Sequence[str] | None = None) -> int:
        """See `Bus.redrive`. A crash half-way leaves a message in both queues: a duplicate, no loss."""

        def give_new_start(letters: Sequence[Letter]) -> int:
            self.publish(queue, [letter.message for letter in letters])
            return self._remove(queue, letters)

        return self._take(queue, ids, give_new_start)

    def discard(self, queue: str, ids: Sequence[str] | None = None) -> int:
        """See `Bus.discard`."""
        return self._take(queue, ids, lambda letters: self._remove(queue, letters))

    def ping(self) -> None:
        """See `Bus.ping`. Whether that queue exists does not matter."""
        self._queues.exists(self._ping_queue)

    def close(self) -> None:
        """Let the connections go; a later call makes new ones."""
        self._queues.close()

    def _take(self, queue: str, ids: Sequence[str] | None, take: Callable[[Sequence[Letter]], int]) -> int:
        """What `take` did with the letters named, or with all that were dead when this began."""
        left, started, taken = None if ids is None else set(ids), self._clock.now_unix_nano(), 0
        receipts: list[str] = []
        if left == set():
            return 0
        try:
            for batch in self._batches(queue, receipts, seconds=math.inf if ids is None else _SCAN_S):
                chosen = [x for x in batch if (x.facts.id in left if left is not None else x.position[0] <= started)]
                taken += take(chosen) if chosen else 0
                receipts[:] = set(receipts) - {letter.receipt for letter in chosen}
                if left is not None:
                    left -= {letter.facts.id for letter in chosen}
                if left == set():
                    break
        finally:
            self._give_back(queue, receipts)
        return taken

    def _remove(self, queue: str, letters: Sequence[Letter]) -> int:
        return self._queues.delete(_dead(queue), [letter.receipt for letter in letters])

    def _give_back(self, queue: str, receipts: Sequence[str]) -> None:
        if receipts:
            self._queues.hide(_dead(queue), receipts, 0)

    def _batches(
        self, queue: str, receipts: list[str], *, most: float = math.inf, seconds: float = _SCAN_S
    ) -> Iterator[list[Letter]]:
        """The dead letters that can be received now, ten at a time, each once; what they cost is added to `receipts`.

        A short poll asks only some of the servers that SQS keeps a queue on, so as long as there should be more
        letters (visible ones, or ones that another look is about to give back) it waits a second for them.
        """
        dead = _dead(queue)
        try:
            counts = self._queues.counts(dead)
        except NotFound:
            return
        seen: set[str] = set()
        ends = time.monotonic() + seconds
        while len(seen) < most and time.monotonic() < ends:
            wait_s = 1 if len(seen) < counts.visible + counts.in_flight else 0
            received = self._queues.receive(dead, hidden_s=_HIDDEN_S, wait_s=wait_s)
            letters = [decode_letter(each, receive_limit=self._receive_limit) for each in received]
            receipts += [letter.receipt for letter in letters]
            fresh = [letter for letter in letters if letter.facts.id not in seen]
            seen.update(letter.facts.id for letter in fresh)
            if not fresh:
                return
            yield fresh


def _dead(queue: str) -> str:
    return f"{queue}-dlq"


def _seconds(duration: timedelta) -> int:
    return math.ceil(duration.total_seconds())


def _not_yet(missing: NotFound) -> Unavailable:
    """A queue is made when its project is; a project whose queue is missing is being wired, or was just deleted."""
    return Unavailable(f"{missing} yet", retry_after=_NOT_YET)


def _encode_cursor(letter: Letter) -> str:
    at, letter_id = letter.position
    return f"{at // 1_000_000}_{letter_id}"


def _decode_cursor(cursor: str) -> tuple[int, str]:
    found = _CURSOR.fullmatch(cursor)
    if not found:
        raise InvalidInput("the cursor is not one that was given out here", field="cursor")
    return int(found[1]) * 1_000_000, found[2]
