"""What tests of the pump share: a bus whose passes can be waited for, handlers that can be held, a pump on them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Condition, Event
from typing import Any

from headrace.ports.bus import Due, Message, Received
from headrace.ports.wiring import Subscription
from headrace.runtime.pump import Pump
from tests.fakes.bus import FakeBus
from tests.fakes.clock import FakeClock
from tests.fakes.http import PATIENCE_SECONDS
from tests.fakes.wiring import FakeWiring

RAW = "gf-ai-raw-1"
SECOND = timedelta(seconds=1)


class WatchedBus(FakeBus):
    """Counts how often the pump has looked for work, and renewed leases."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.looks = 0
        self.renewals = 0
        self.fault: Exception | None = None
        """Raised once by the next look."""
        self._changed = Condition()

    def due(self) -> Mapping[str, Due]:
        fault, self.fault = self.fault, None
        if fault is not None:
            raise fault
        return super().due()

    def wait(self, timeout: timedelta) -> None:
        with self._changed:
            self.looks += 1
            self._changed.notify_all()
        super().wait(timeout)

    def extend(self, messages: Sequence[Received], lease: timedelta) -> None:
        try:
            super().extend(messages, lease)
        finally:
            with self._changed:
                self.renewals += 1
                self._changed.notify_all()

    def look(self) -> None:
        """Return when the pump has looked through everything once, with all that is so now."""
        for _ in range(2):  # the first may have begun before
            before = self.looks
            self.wake()
            self._await(lambda before=before: self.looks > before)

    def renew(self) -> None:
        """Return when leases were renewed with all that is so now."""
        before = self.renewals
        self._await(lambda: self.renewals >= before + 2)

    def await_empty(self, queue: str = RAW) -> None:
        """Return when all messages of a queue were acknowledged."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self.messages(queue), PATIENCE_SECONDS)

    def acknowledge(self, messages: Sequence[Received]) -> None:
        super().acknowledge(messages)
        with self._changed:
            self._changed.notify_all()

    def _await(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE_SECONDS)


class Handler:
    """A queue function: keeps its events, can be held, answers what `answers` gives in turn, then success."""

    def __init__(self, *answers: Callable[[Any], Any]) -> None:
        self.events: list[dict[str, Any]] = []
        self.running = self.most_running = 0
        self.released = Event()
        self.released.set()
        self._answers = list(answers)
        self._changed = Condition()

    def __call__(self, event: dict[str, Any]) -> Any:
        with self._changed:
            self.events.append(event)
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            answer = self._answers.pop(0) if self._answers else succeed
            self._changed.notify_all()
        try:
            assert self.released.wait(PATIENCE_SECONDS)
            return answer(event)
        finally:
            with self._changed:
                self.running -= 1
                self._changed.notify_all()

    def hold(self) -> None:
        """Let calls wait until they are released."""
        self.released.clear()

    def wait_for(self, events: int) -> list[list[str]]:
        """The bodies of each event, as soon as there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.events) >= events, PATIENCE_SECONDS), self.events
            return [bodies(event) for event in self.events]

    @property
    def queues(self) -> list[str]:
        """The queue of each event."""
        return [event["Records"][0]["eventSourceARN"].rpartition(":")[2] for event in self.events]


def bodies(event: dict[str, Any]) -> list[str]:
    return [record["body"] for record in event["Records"]]


def succeed(event: Any) -> Any:
    return {"batchItemFailures": []}


def failing(*failed: str) -> Callable[[Any], Any]:
    """Report the messages with these bodies as failed."""

    def answer(event: Any) -> Any:
        ids = [record["messageId"] for record in event["Records"] if record["body"] in failed]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in ids]}

    return answer


def messages(count: int, prefix: str = "m") -> list[Message]:
    return [Message(f"{prefix}{index}") for index in range(count)]


def wired(*subscriptions: Subscription) -> FakeWiring:
    wiring = FakeWiring()
    wiring.reconcile("1", list(subscriptions))
    return wiring


@contextmanager
def pumping(bus: WatchedBus, wiring: FakeWiring, workers: int = 8, **calls: Handler) -> Iterator[Pump]:
    """A pump that runs until the test is over; its handlers are let go then."""
    pump = Pump(bus, wiring, bus.clock, calls, workers=workers)
    pump.start()
    try:
        yield pump
    finally:
        for handler in calls.values():
            handler.released.set()
        assert pump.stop(timedelta(seconds=PATIENCE_SECONDS))
