"""The child process in which a stranger's expressions run: `python -m …worker ENGINE`, frames on stdin and stdout.

Nothing in here has to behave for the limits to hold: the kernel ends the process when a record has used its
processor time (ITIMER_PROF, whose signal nobody catches) and refuses memory above RLIMIT_AS, whatever the engine
or a pattern is doing. Processor time and not wall clock, so that a busy machine fails no good expression. The
process ends when stdin closes, so it does not outlive its parent.
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO, NoReturn, cast

import orjson

from headrace.adapters.expressions_jsonata import frames
from headrace.adapters.expressions_jsonata.engines import EngineName, compile_with_position, evaluate_exactly, load
from headrace.adapters.expressions_jsonata.limits import (
    FRAME_BYTES,
    MEMORY_BYTES,
    RECORD_CPU_MS,
    RETIRE_BYTES,
    SOFT_CPU_MS,
)
from headrace.adapters.expressions_jsonata.results import EnginePanicked, shown
from headrace.errors import InvalidExpression
from headrace.ports.program import Program, Transform, apply

OUT_OF_MEMORY = f"stopped at the memory limit of {MEMORY_BYTES >> 20} MiB"

_ABSENT = object()


class Worker:
    """Answers frames from `stdin` through `send`, until `stdin` ends."""

    def __init__(self, engine: EngineName, stdin: BinaryIO, send: Callable[[bytes], None]) -> None:
        self._engine = load(engine, is_time_spent=_is_time_spent)
        self._stdin = stdin
        self._send = send
        self._program = Program()
        self._allowance_us = 0
        self._cpu_ns = time.process_time_ns()
        self._served = False
        self._retiring = False

    def serve(self) -> None:
        """Work until stdin ends; SystemExit with RETIRED when a fresh process should take over."""
        self._answer(frames.READY, b"", 0)
        while header := self._stdin.read(frames.REQUEST.size):
            tag, length = frames.REQUEST.unpack(header)
            signal.setitimer(signal.ITIMER_PROF, RECORD_CPU_MS / 1000)
            payload = self._stdin.read(length)
            if tag == frames.PROGRAM:
                self._take_program(payload)
                continue
            verdict, result = self._record(payload) if tag == frames.RECORD else self._check(payload)
            used_us = self._used_us()
            self._allowance_us -= used_us
            self._answer(verdict, result, used_us)
            if self._retiring:
                sys.exit(frames.RETIRED)

    def _used_us(self) -> int:
        # Not what is left of the timer: the kernel counts that in whole ticks.
        before_ns, self._cpu_ns = self._cpu_ns, time.process_time_ns()
        return (self._cpu_ns - before_ns) // 1000

    def _take_program(self, payload: bytes) -> None:
        if self._served and _resident_bytes() > RETIRE_BYTES:
            sys.exit(frames.RETIRED)
        self._served = True
        wanted = orjson.loads(payload)
        self._program = Program(wanted["filter"], tuple(Transform(*each) for each in wanted["transforms"]))
        self._allowance_us = wanted["allowance_us"]

    def _record(self, payload: bytes) -> tuple[bytes, bytes]:
        if self._allowance_us <= 0:
            return frames.SPENT, b""
        try:
            record = orjson.loads(payload)
            outcome = apply(self._program, record, self._evaluate)
            if outcome.error is not None:
                return frames.FAILED, shown(outcome.error).encode(errors="replace")
            if not outcome.kept:
                return frames.DROPPED, b""
            if outcome.record is record:
                return frames.KEPT, b""
            if all(each.output_name for each in self._program.transforms):
                return _result(frames.CHANGED, _changes(record, outcome.record))
            return _result(frames.REPLACED, outcome.record)
        except MemoryError:
            self._retiring = True
            return frames.FAILED, OUT_OF_MEMORY.encode()

    def _evaluate(self, expression: str, value: Any) -> Any:
        try:
            return evaluate_exactly(self._engine, expression, value)
        except EnginePanicked:
            self._retiring = True
            raise

    def _check(self, payload: bytes) -> tuple[bytes, bytes]:
        try:
            compile_with_position(self._engine, payload.decode())
        except InvalidExpression as failure:
            return frames.INVALID, orjson.dumps({"message": shown(failure), "position": failure.position})
        return frames.VALID, b""

    def _answer(self, verdict: bytes, payload: bytes, cpu_us: int) -> None:
        self._send(frames.ANSWER.pack(verdict, len(payload), cpu_us) + payload)


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if before.get(name, _ABSENT) is not value}


def _result(verdict: bytes, value: Any) -> tuple[bytes, bytes]:
    try:
        payload = orjson.dumps(value)
    except TypeError as cause:  # an unpaired surrogate, or nesting over 254
        return frames.FAILED, shown(f"the result is not JSON: {cause}").encode(errors="replace")
    if len(payload) > FRAME_BYTES:
        text = f"the result is {len(payload)} bytes, the limit is {FRAME_BYTES} bytes"
        return frames.FAILED, text.encode()
    return verdict, payload


def _is_time_spent() -> bool:
    """Whether the record has used processor time that explains the engine's giving up."""
    left_ms = signal.getitimer(signal.ITIMER_PROF)[0] * 1000
    return RECORD_CPU_MS - left_ms >= 0.8 * SOFT_CPU_MS


def _resident_bytes() -> int:
    # Not getrusage: after vfork its maximum begins with the parent's size.
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123  # pathlib would double the imports
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _confine() -> None:
    # Before the engine is imported: jsonatapy's allocator reserves 1 GiB where it may, and makes do where not.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal goes to all; the parent decides
    os.putenv("RUST_BACKTRACE", "0")


def _private_stdout() -> int:
    """A descriptor for answers that a print in an engine cannot reach."""
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return answers


def main(engine: str) -> NoReturn:
    """Serve until stdin ends."""
    answers = _private_stdout()

    def send(frame: bytes) -> None:
        while frame:
            frame = frame[os.write(answers, frame) :]

    _confine()
    Worker(cast(EngineName, engine), os.fdopen(0, "rb", buffering=1 << 16), send).serve()
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
