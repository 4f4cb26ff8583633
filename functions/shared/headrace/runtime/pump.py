"""The pump calls queue functions with the messages of an engine that cannot push.

It does what Lambda's event source mapping does: it honours the batch window, the concurrency of each queue, and
partial failures.

A message in work is leased. The lease is short and renewed while the handler runs, so that the messages of a
process that died are back within 30 seconds, and those of a slow agent are not delivered twice.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import count
from threading import Condition, Event, Thread
from typing import Any

from headrace import bootstrap, events
from headrace.entry.queue import decode_failures, encode_event
from headrace.errors import Unavailable
from headrace.observability import crash, warn
from headrace.ports.bus import Due, Received, Source
from headrace.ports.clock import Clock
from headrace.ports.wiring import Subscription, Wiring
from headrace.runtime.functions import Loaded

EVENT_MESSAGES = 10
"""Messages in one event, at most."""

LEASE = timedelta(seconds=20)
_RENEW_EVERY = timedelta(seconds=5)
_LOOK_EVERY = timedelta(milliseconds=100)
_WIRING_EVERY_SECONDS = 0.5
_AFTER_FAULT = timedelta(seconds=1)
_TURNS = 50
"""Events of one queue that a worker handles before others get their turn."""


def settle(source: Source, messages: Sequence[Received], call: Callable[[Any], Any]) -> None:
    """Call a handler with `messages`; acknowledge what it dealt with and give back the rest."""
    try:
        failed = decode_failures(call(encode_event(messages)), messages)
    except Exception:  # noqa: BLE001 - as on Lambda, a handler that raises has failed its whole event
        crash(events.HandlerFailed(queue=messages[0].queue))
        failed = list(messages)
    failed_ids = {message.id for message in failed}
    source.acknowledge([message for message in messages if message.id not in failed_ids])
    source.release(failed)


def make_pump(functions: Sequence[Loaded]) -> "Pump | None":
    """A pump for the queue functions among `functions`; None where there is none: nothing need be looked for."""
    calls = {loaded.function.queue: loaded for loaded in functions if loaded.function.queue}
    if not calls:
        return None
    workers = bootstrap.settings().workers
    return Pump(bootstrap.source(), bootstrap.wiring(), bootstrap.clock(), calls, workers=workers)


class Pump:
    """Runs until it is stopped; `calls` gives the function for each kind of queue."""

    def __init__(
        self,
        source: Source,
        wiring: Wiring,
        clock: Clock,
        calls: Mapping[str, Callable[[Any], Any]],
        *,
        workers: int,
    ) -> None:
        self._source, self._wiring, self._clock, self._calls = source, wiring, clock, calls
        self._workers = workers
        self._running: Counter[str] = Counter()
        self._leased: dict[int, Sequence[Received]] = {}
        self._served: dict[str, int] = {}
        self._turn = count(1)
        self._changed = Condition()
        self._stopping = Event()
        self._threads = [Thread(target=work, daemon=True) for work in (self._dispatch, self._renew)]

    def start(self) -> None:
        """Begin to pump, on threads of its own."""
        for thread in self._threads:
            thread.start()

    def stop(self, grace: timedelta) -> bool:
        """Take no more messages, and wait for those in work; whether all of them ended within `grace`."""
        self._stopping.set()
        self._source.wake()
        for thread in self._threads:
            thread.join()
        with self._changed:
            return self._changed.wait_for(lambda: not self._running.total(), grace.total_seconds())

    # --- finding work -----------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        subscriptions: dict[str, Subscription] = {}
        looked = float("-inf")
        while not self._stopping.is_set():
            try:
                if time.monotonic() - looked > _WIRING_EVERY_SECONDS:
                    subscriptions = {each.queue: each for each in self._wiring.subscriptions()}
                    looked = time.monotonic()
                pause = self._start_due(subscriptions)
            except Unavailable as problem:
                warn(events.PumpWaits(reason=str(problem)))
                pause = problem.retry_after
            except Exception:  # noqa: BLE001 - without this thread nothing would ever be delivered again
                crash(events.PumpFailed())
                pause = _AFTER_FAULT
            self._source.wait(pause)

    def _start_due(self, subscriptions: Mapping[str, Subscription]) -> timedelta:
        """Give every queue with work a worker as far as there are some; how long to wait before looking again.

        Who was served longest ago comes first, so that with few workers no queue waits for a busier one.
        """
        pause = _LOOK_EVERY
        for queue, due in sorted(self._source.due().items(), key=lambda found: self._served.get(found[0], 0)):
            subscription = subscriptions.get(queue)
            if subscription is None or not subscription.active or subscription.kind not in self._calls:
                continue
            wait = self._window_left(due, subscription)
            if wait > timedelta(0):
                pause = min(pause, wait)
                continue
            with self._changed:
                busy = self._running[queue] >= subscription.max_concurrency
                if busy or self._running.total() >= self._workers:
                    continue
                self._running[queue] += 1
            self._served[queue] = next(self._turn)
            Thread(target=self._work, args=(subscription,), daemon=True).start()
        return pause

    def _window_left(self, due: Due, subscription: Subscription) -> timedelta:
        if due.count >= EVENT_MESSAGES:
            return timedelta(0)
        waited = timedelta(microseconds=(self._clock.now_unix_nano() - due.since_unix_nano) // 1000)
        return subscription.batch_window - waited

    # --- doing it ---------------------------------------------------------------------------------------

    def _work(self, subscription: Subscription) -> None:
        """Handle events of one queue as long as there are any that need not wait for their window."""
        queue, call = subscription.queue, self._calls[subscription.kind]
        try:
            for _ in range(_TURNS):
                self._one_event(queue, call)
                due = self._source.due().get(queue)
                if due is None or self._stopping.is_set() or self._window_left(due, subscription) > timedelta(0):
                    break
        except Unavailable as problem:
            warn(events.PumpWaits(queue=subscription.queue, reason=str(problem)))
            self._stopping.wait(problem.retry_after.total_seconds())  # else the next worker would try again at once
        finally:
            with self._changed:
                self._running[subscription.queue] -= 1
                self._changed.notify_all()
            self._source.wake()

    def _one_event(self, queue: str, call: Callable[[Any], Any]) -> None:
        messages = self._source.receive(queue, limit=EVENT_MESSAGES, lease=LEASE)
        if not messages:
            return
        self._leased[id(messages)] = messages
        try:
            settle(self._source, messages, call)
        finally:
            del self._leased[id(messages)]

    def _renew(self) -> None:
        while not self._stopping.wait(_RENEW_EVERY.total_seconds()):
            for messages in tuple(self._leased.values()):
                try:
                    self._source.extend(messages, LEASE)
                except Unavailable as problem:
                    warn(events.LeaseNotRenewed(queue=messages[0].queue, reason=str(problem)))
                except Exception:  # noqa: BLE001 - the leases of all others depend on this thread
                    crash(events.LeaseNotRenewed(queue=messages[0].queue))
