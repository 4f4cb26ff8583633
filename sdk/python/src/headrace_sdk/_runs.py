"""Work that goes on after its request was answered: so much at once, the same batch once, none lost from sight."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger("headrace_sdk.asgi")

_CANCELLING_SECONDS = 1.0


class Full(Exception):
    """As much is running as may run; one that ran as long as others do ends after `free_in_seconds`."""

    def __init__(self, free_in_seconds: float) -> None:
        super().__init__("as much is running as may run")
        self.free_in_seconds = free_in_seconds


@dataclass(frozen=True, slots=True)
class _Run:
    task: asyncio.Task[None]
    started_monotonic: float

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self.started_monotonic


class Runs:
    """At most `limit` runs at once; the keys of the last `remembered` that went well are kept."""

    def __init__(self, limit: int, remembered: int) -> None:
        self._limit = limit
        self._remembered = remembered
        self._latest_seconds = 0.0
        self._running: dict[object, _Run] = {}
        self._done: dict[object, None] = {}

    def start(self, key: str, title: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None] | None:
        """Start it; the one that goes on already under this key, or None when one went well lately.

        An empty key is like no other. What fails is logged with its title, and may be started again.

        Raises:
            Full: nothing was started.
        """
        if key in self._done:
            return None
        if key in self._running:
            return self._running[key].task
        if len(self._running) >= self._limit:
            oldest = next(iter(self._running.values()))
            raise Full(max(oldest.age_seconds, self._latest_seconds))
        return self._start(key or object(), asyncio.create_task(work(), name=title))

    async def finish(self, within_seconds: float) -> None:
        """Return when nothing runs any more; what still does after that time is cancelled."""
        tasks = [run.task for run in self._running.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=within_seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_CANCELLING_SECONDS)

    def _start(self, key: object, task: asyncio.Task[None]) -> asyncio.Task[None]:
        self._running[key] = _Run(task, time.monotonic())
        task.add_done_callback(lambda _: self._ended(key))
        return task

    def _ended(self, key: object) -> None:
        run = self._running.pop(key)
        self._latest_seconds = run.age_seconds
        if run.task.cancelled():
            logger.error("%s was cancelled", run.task.get_name())
        elif error := run.task.exception():
            logger.error("%s failed: %s", run.task.get_name(), error, exc_info=error)
        elif isinstance(key, str):
            self._remember(key)

    def _remember(self, key: str) -> None:
        self._done[key] = None
        if len(self._done) > self._remembered:
            del self._done[next(iter(self._done))]
