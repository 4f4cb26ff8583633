"""The queue functions of `headrace up` in a process of their own, beside the one that answers HTTP.

Filtering and delivering are as much work as receiving, and one interpreter uses one core. And an expression or a
library that takes a whole process with it takes the queue functions only: requests are answered all the while, and a
new process takes over. Its messages come back by their leases.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Event, Lock, Thread
from types import TracebackType
from typing import IO, cast

from headrace import bootstrap, events
from headrace.errors import ConfigError
from headrace.observability import crash, relay, warn
from headrace.runtime.functions import GRACE
from headrace.runtime.queue_functions import EVENT, FAILED, READY, STOP, WAKE
from headrace.runtime.template import Function
from headrace.settings import environment

_AFTER_DEATH_SECONDS = 1.0
_MARGIN_SECONDS = 5.0
"""Beyond the grace time, until a process that does not stop is ended."""
_NEWS_WITHIN = timedelta(seconds=1)


class QueueProcess:
    """Started with `with`, and stopped at its end. Its events are told here as if they were of this process."""

    def __init__(self, functions: Sequence[Function]) -> None:
        module = "headrace.runtime.queue_functions"
        # -P: `-m` alone would put the working folder, and whatever modules are in it, before all others.
        self._command = [sys.executable, "-P", "-m", module, *(function.folder.name for function in functions)]
        self._environment = {**environment(bootstrap.settings()), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._lock = Lock()
        self._stopping = Event()
        self._settled = Event()
        """It is ready, or will never be."""
        self._failure: str | None = None
        self._source = bootstrap.source()
        self._thread = Thread(target=self._keep, name="queue-process", daemon=True)
        self._news = Thread(target=self._pass_news_on, name="queue-news", daemon=True)

    def __enter__(self) -> "QueueProcess":
        self._process = self._start()
        self._thread.start()
        self._news.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        """Let it end what it has in work, within the grace time."""
        with self._lock:
            self._stopping.set()
            process = self._process
        self._source.wake()
        self._say(STOP)
        try:
            process.wait(GRACE.total_seconds() + _MARGIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        self._thread.join()
        self._news.join()

    def is_ready(self) -> bool:
        """Whether messages have begun to be taken.

        Raises:
            ConfigError: they never will be, and why.
        """
        if not self._settled.is_set():
            return False
        if self._failure is not None:
            raise ConfigError(self._failure)
        return True

    def _start(self) -> "subprocess.Popen[bytes]":
        with _signals_held():
            process = subprocess.Popen(  # noqa: S603 - our own program
                self._command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        os.set_blocking(_stdin(process).fileno(), False)
        return process

    def _pass_news_on(self) -> None:
        """What is published here may be seen by other processes no sooner than they look for it: say when to look."""
        while not self._stopping.is_set():
            self._source.wait(_NEWS_WITHIN)
            self._say(WAKE)

    def _say(self, word: bytes) -> None:
        """One that is dead, or stands still and has not read for long, does not hear it."""
        with self._lock, suppress(OSError, ValueError):
            os.write(_stdin(self._process).fileno(), word)

    def _keep(self) -> None:
        """Hear the process until it ends, and start another one unless that was asked for."""
        while True:
            code = self._hear(self._process)
            if not self._settled.is_set():
                self._failure = self._failure or f"the queue functions ended with code {code} before they were ready"
                self._settled.set()
                return
            if not self._stopping.is_set():
                warn(events.QueueFunctionsDied(code=code, reason=self._failure))
            if not self._start_another():
                return

    def _start_another(self) -> bool:
        """Start another one as soon as that can be done; whether one was still wanted."""
        self._failure = None
        while not self._stopping.wait(_AFTER_DEATH_SECONDS):
            try:
                with self._lock:
                    if not self._stopping.is_set():
                        self._process = self._start()
                        return True
            except OSError as problem:  # no memory, no file handle: there may be one soon
                warn(events.QueueFunctionsWait(reason=str(problem)))
        return False

    def _hear(self, process: "subprocess.Popen[bytes]") -> int:
        with process:
            for line in cast(IO[bytes], process.stdout):
                if line.endswith(b"\n"):  # else it died at that moment
                    self._take(line)
            with self._lock:  # else somebody might say something to whatever gets its number next
                _stdin(process).close()
        return process.returncode

    def _take(self, line: bytes) -> None:
        try:
            told = json.loads(line)
            if EVENT in told:
                relay(told[EVENT])
            elif READY in told:
                self._settled.set()
            else:
                self._failure = told[FAILED]
        except Exception:  # noqa: BLE001 - what nobody reads any more fills the pipe, and who writes stands still
            crash(events.QueueFunctionsNotUnderstood())


def _stdin(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    return cast(IO[bytes], process.stdin)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold back what asks to stop from processes started in here, from their first moment on.

    It often goes to all processes at once (Ctrl-C in a terminal, systemd), and the parent decides.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
