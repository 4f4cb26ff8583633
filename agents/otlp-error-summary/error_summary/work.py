"""Work in the background, bounded: so many batches at once, each of them once, and all of them before the end."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, Literal

_REMEMBERED = 10_000

_logger = logging.getLogger(__name__)
Taken = Literal["accepted", "known", "full"]


class Work:
    """The batches that are being worked on, and the keys of those that are done."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._running: dict[str, asyncio.Task[bool]] = {}
        self._done: OrderedDict[str, None] = OrderedDict()
        self.hurry = asyncio.Event()

    @property
    def running(self) -> int:
        """How many are being worked on."""
        return len(self._running)

    def take(self, key: str, name: str, job: Coroutine[Any, Any, bool]) -> Taken:
        """Begin, unless the same is being done or was done, or too much is being done.

        A job that returns False, or fails, has not done its work: the same key may come again. `name` is for the log.
        """
        taken: Taken = "accepted"
        if key in self._running or key in self._done:
            taken = "known"
        elif len(self._running) >= self._limit:
            taken = "full"
        if taken != "accepted":
            job.close()
            return taken
        task = asyncio.create_task(job, name=name)
        self._running[key] = task
        task.add_done_callback(lambda ended: self._finish(key, ended))
        return taken

    async def finish_all(self, patience_seconds: float) -> None:
        """Wait for what is running; when patience ends, have it finish without the model."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=patience_seconds)
        self.hurry.set()
        if self._running:
            await asyncio.wait(self._running.values())

    def _finish(self, key: str, task: asyncio.Task[bool]) -> None:
        del self._running[key]
        if task.cancelled():
            return
        if error := task.exception():
            _logger.error("%s: a fault that nobody foresaw", task.get_name(), exc_info=error)
        elif task.result():
            self._done[key] = None
            if len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)
