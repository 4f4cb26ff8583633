"""One thread that owns the in-process engine, as long as the process lives.

jsonatapy 2.2.13 keeps state per thread. Compiled expressions may be used and dropped only where they were made, and
with threads that come and go, as those of a pump or a thread pool do, compiling crashed the whole process (SIGSEGV
in its allocator, seen after the first such thread had ended). So every call of the engine is made here, and waiting
for it costs a caller some 50 µs for a whole message of records. Under the interpreter lock nothing is lost by that.
"""

import atexit
import os
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread, current_thread
from typing import Any, TypeVar

Result = TypeVar("Result")
Calls = SimpleQueue[tuple[Callable[[], Any], "Future[Any]"] | None]

_PATIENCE_SECONDS = 1


class EngineThread:
    """Started at first use, shared by the process, started anew in a child after a fork."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pid = 0
        self._calls: Calls = SimpleQueue()
        self._thread: Thread | None = None

    def run(self, work: Callable[[], Result]) -> Result:
        """Do `work` there and return what it returns, or raise what it raises."""
        self._ensure()
        if current_thread() is self._thread:
            return work()
        future: Future[Result] = Future()
        self._calls.put((work, future))
        return future.result()

    def _ensure(self) -> None:
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._calls = SimpleQueue()
                self._thread = Thread(target=_serve, args=(self._calls,), name="jsonata", daemon=True)
                self._thread.start()
                self._pid = os.getpid()
                atexit.register(_end, self._thread, self._calls)


def _end(thread: Thread, calls: Calls) -> None:
    """At exit, let the thread drop its compiled expressions by itself: the interpreter would do it on another."""
    calls.put(None)
    thread.join(_PATIENCE_SECONDS)


def _serve(calls: Calls) -> None:
    while (call := calls.get()) is not None:
        work, future = call
        try:
            future.set_result(work())
        except BaseException as failure:  # noqa: BLE001 - the caller gets it, panics too
            future.set_exception(failure)
        del call, work, future  # while waiting for the next call, hold nothing of the last one


ENGINE_THREAD = EngineThread()
