"""The parent's side of one worker process: starts it, talks to it, and says why it ended."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, NamedTuple, cast

from headrace.adapters.expressions_jsonata import frames
from headrace.adapters.expressions_jsonata.engines import EngineName
from headrace.adapters.expressions_jsonata.limits import ANSWER_SECONDS, MEMORY_BYTES, RECORD_CPU_MS
from headrace.errors import Unavailable

# Isolated and without `site`, which is a quarter of the interpreter's start; so the path comes from here.
_BOOT = """import json, sys
sys.path[:] = json.loads(sys.argv[1])
from headrace.adapters.expressions_jsonata.worker import main
main(sys.argv[2])"""

_READ_BYTES = 256 * 1024
# A worker writes each answer at once, but to wake up for each costs as much as most evaluations. The pipe holds
# some thousands of verdicts, so a short nap loses nothing.
_NAP_SECONDS = 0.0005
_WORTH_A_NAP = 16
_OUT_OF_MEMORY = f"stopped at the memory limit of {MEMORY_BYTES >> 20} MiB"
_REASONS = {
    -signal.SIGPROF: f"stopped after {RECORD_CPU_MS} ms of processor time",
    -signal.SIGABRT: _OUT_OF_MEMORY,  # an allocation refused to Rust
    -signal.SIGKILL: _OUT_OF_MEMORY,  # the machine's own, lower limit
    -signal.SIGSEGV: "stopped: nested too deeply",
    -signal.SIGBUS: "stopped: nested too deeply",
}


class Ending(NamedTuple):
    """Why a worker answers no more. `retired`: of its own accord, so that no request is to blame."""

    reason: str
    retired: bool


class Child:
    """One worker process, ready for requests. Used by one thread at a time.

    Raises:
        Unavailable: it does not start.
    """

    def __init__(self, engine: EngineName) -> None:
        self._process = _start(engine)
        self._buffer = bytearray()
        for pipe in (self._stdin, self._stdout):
            os.set_blocking(pipe.fileno(), False)
        answers, ending = self.exchange(b"", 1)
        if ending is not None or answers[0].verdict != frames.READY:
            self.kill()
            raise Unavailable("no expression evaluator could be started: " + (ending.reason if ending else ""))

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def _stdin(self) -> IO[bytes]:
        return cast(IO[bytes], self._process.stdin)

    @property
    def _stdout(self) -> IO[bytes]:
        return cast(IO[bytes], self._process.stdout)

    def exchange(self, requests: bytes, expected: int) -> tuple[Sequence[frames.Answer], Ending | None]:
        """Send `requests`, frames one behind the other, and collect `expected` answers.

        With an Ending the worker is gone, and there may be fewer answers.
        """
        answers: list[frames.Answer] = []
        unsent = memoryview(requests)
        poll = select.poll()
        poll.register(self._stdout, select.POLLIN)
        if unsent:
            poll.register(self._stdin, select.POLLOUT)
        while len(answers) < expected:
            events = poll.poll(ANSWER_SECONDS * 1000)
            if not events:
                self.kill()
                return answers, Ending(f"gave no answer in {ANSWER_SECONDS:.0f} s", retired=False)
            if expected - len(answers) > _WORTH_A_NAP:
                time.sleep(_NAP_SECONDS)
            for descriptor, _ in events:
                if descriptor == self._stdout.fileno():
                    if not self._receive(answers):
                        return answers, self._ending()
                elif not (unsent := self._send(unsent)):
                    poll.unregister(self._stdin)
        return answers, None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process now, and wait for it. Again is harmless."""
        self._process.kill()
        self._process.wait()
        self._close_pipes()

    def abandon(self) -> None:
        """In a fork: let go of a process that is the parent's child and not one's own."""
        self._process.returncode = 0
        self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._stdin, self._stdout):
            with suppress(OSError):
                pipe.close()

    def _send(self, unsent: memoryview) -> memoryview:
        try:
            return unsent[os.write(self._stdin.fileno(), unsent) :]
        except BlockingIOError:
            return unsent
        except BrokenPipeError:  # what it has answered is still to be read
            return unsent[:0]

    def _receive(self, answers: list[frames.Answer]) -> bool:
        data = os.read(self._stdout.fileno(), _READ_BYTES)
        self._buffer += data
        answers.extend(frames.take_answers(self._buffer))
        return bool(data)

    def _ending(self) -> Ending:
        status = self._process.wait()
        self._close_pipes()
        reason = _REASONS.get(status, f"stopped: its evaluator ended unexpectedly (status {status})")
        return Ending(reason, retired=status == frames.RETIRED)


def _start(engine: EngineName) -> subprocess.Popen[bytes]:
    path = json.dumps([entry for entry in sys.path if os.path.isabs(entry)])  # noqa: PTH117  # no need for Path
    try:
        return subprocess.Popen(  # noqa: S603  # nothing of a stranger's is in the arguments
            [sys.executable, "-I", "-S", "-c", _BOOT, path, engine],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # None of our secrets: who breaks out of the engine finds none. The rest is for a Python that is not
            # where the loader looks, as on Lambda.
            env={"LD_LIBRARY_PATH": f"{sys.base_prefix}/lib"},
        )
    except OSError as cause:
        raise Unavailable(f"no expression evaluator could be started: {cause}") from cause
