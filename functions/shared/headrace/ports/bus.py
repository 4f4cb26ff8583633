"""Queues that keep what they were given: at least once, in no promised order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """What goes onto a queue: text of at most 256 KiB (one oversized record apart) and up to ten attributes."""

    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a consumer gets it."""

    id: str
    queue: str
    body: str
    attributes: Mapping[str, str]
    receive_count: int
    """1 at the first delivery."""
    receipt: str
    """Names this one delivery to the engine."""
    sent_unix_nano: int


@dataclass(frozen=True, slots=True)
class QueueStats:
    """Counts of messages: waiting (delayed ones included), being worked on, and given up."""

    depth: int
    in_flight: int
    dead_letters: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up, with the reason in words."""

    id: str
    body: str
    attributes: Mapping[str, str]
    reason: str
    receive_count: int
    """Deliveries before the engine gave it up; 0 when a function put it here with `dead_letter`."""
    dead_unix_nano: int


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """Some dead letters, oldest first; `next_cursor` is None on the last page."""

    items: Sequence[DeadLetter]
    next_cursor: str | None


class Bus(Protocol):
    """What functions may do to queues. Consuming is pushed: the engine calls the handler (see `entry.queue`).

    Every method raises Unavailable when the engine is down, full or throttles; then nothing is promised about
    the call, and repeating it is safe at the price of a duplicate.
    """

    def publish(self, queue: str, messages: Sequence[Message], *, delay: timedelta = timedelta(0)) -> list[str]:
        """Store `messages`, to be delivered after `delay` (at most 15 minutes); return their ids in order.

        Returns only when they would survive the loss of this process and of the machine's power.
        """
        ...

    def retry_later(self, messages: Sequence[Received], delay: timedelta) -> None:
        """Let `messages` come back after `delay` (at most 12 hours). Their handler must also report them failed."""
        ...

    def dead_letter(self, queue: str, messages: Sequence[Message], reason: str) -> None:
        """Store `messages` among the dead letters of `queue`, as durably as `publish` does."""
        ...

    def stats(self, queue: str) -> QueueStats:
        """Counts for `queue`; approximate on engines that only offer that. An unknown queue counts zero."""
        ...

    def dead_letters(self, queue: str, *, limit: int = 50, cursor: str | None = None) -> DeadLetterPage:
        """The dead letters of `queue`, oldest first, `limit` at a time.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """
        ...

    def redrive(self, queue: str, ids: Sequence[str] | None = None) -> int:
        """Give dead letters (all, or those named) a new start on `queue`; return how many were moved."""
        ...

    def discard(self, queue: str, ids: Sequence[str] | None = None) -> int:
        """Remove dead letters (all, or those named) for good; return how many were removed."""
        ...

    def ping(self) -> None:
        """Return when the engine answers."""
        ...


class Source(Protocol):
    """What the pump needs from an engine that cannot push by itself (embedded, NATS). Functions never see it.

    A message that was received and neither acknowledged, released nor extended within its lease is delivered
    again, with a higher receive count; over the receive limit it becomes a dead letter instead.
    """

    def receive(self, queue: str, *, limit: int, lease: timedelta) -> list[Received]:
        """Up to `limit` messages that are due now, at once: never waits for more."""
        ...

    def acknowledge(self, messages: Sequence[Received]) -> None:
        """Forget `messages`: their work is done."""
        ...

    def release(self, messages: Sequence[Received]) -> None:
        """Give back `messages` whose handler failed: due when `retry_later` said, else within five minutes.

        An engine may let that wait grow with each delivery, so that what always fails does not spin.
        """
        ...

    def extend(self, messages: Sequence[Received], lease: timedelta) -> None:
        """Keep `messages` away from others for another `lease`, counted from now, since work goes on."""
        ...

    def due(self) -> Mapping[str, "Due"]:
        """The queues that have messages due now."""
        ...

    def wait(self, timeout: timedelta) -> None:
        """Return when new messages may have come or `wake` was called, at the latest after `timeout`."""
        ...

    def wake(self) -> None:
        """Make `wait` return, or the next call of it if nobody is waiting."""
        ...


@dataclass(frozen=True, slots=True)
class Due:
    """Messages of one queue that could be received now."""

    count: int
    """How many, counted no further than 10."""
    since_unix_nano: int
    """When the oldest of them became due."""
