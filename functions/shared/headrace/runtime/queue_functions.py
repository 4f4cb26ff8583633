"""The child's side of `queue_process`: the queue functions, pumped, without HTTP. `python -m … FOLDER …`.

Lines on standard input and output are all it has to do with its parent. It says that it is ready, or why it cannot
be, and what happens; it looks for messages and it stops when it is told to. When its input ends, the parent is dead,
and so is it, at once: what it has in work comes back as after any other death.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Any

from headrace import bootstrap, observability
from headrace.errors import ConfigError, HeadraceError
from headrace.runtime.functions import GRACE, Deadline, load
from headrace.runtime.pump import Pump, make_pump
from headrace.runtime.template import choose, find_template, read_template

READY, FAILED, EVENT = "ready", "failed", "event"
STOP, WAKE = b"stop\n", b"wake\n"


class _Parent:
    """Who reads what is told here, one JSON object with one name a line. Any thread may tell.

    `output` is a descriptor. What stops and goes on while it writes (SIGSTOP, SIGCONT) has written a part.
    """

    def __init__(self, output: int) -> None:
        self._output = output
        self._lock = Lock()

    def tell(self, name: str, value: Any) -> None:
        """A parent that is gone hears nothing; the end of standard input says the same."""
        line = json.dumps({name: value}, default=str).encode() + b"\n"
        with suppress(OSError), self._lock:
            while line:
                line = line[os.write(self._output, line) :]


def main(names: Sequence[str]) -> int:
    """Pump until told to stop; the exit code."""
    parent = _Parent(_private_stdout())
    observability.configure(bootstrap.settings().log_level)
    observability.listen(lambda event: parent.tell(EVENT, event))
    deadline = Deadline()
    try:
        pump = _make(names, deadline)
    except HeadraceError as problem:
        parent.tell(FAILED, str(problem))
        return 1
    pump.start()
    parent.tell(READY, os.getpid())
    while (told := sys.stdin.buffer.readline()) == WAKE:
        bootstrap.source().wake()
    if told != STOP:
        os._exit(1)
    deadline.bring_forward(GRACE)
    ended = pump.stop(GRACE)
    bootstrap.close()
    if not ended:  # handlers that outstay the grace time would keep the interpreter
        os._exit(0)
    return 0


def _make(names: Sequence[str], deadline: Deadline) -> Pump:
    chosen = choose(read_template(find_template()), ",".join(names))
    pump = make_pump([load(function, deadline) for function in chosen])
    if pump is None:
        raise ConfigError(f"no queue calls {', '.join(names)}")
    return pump


def _private_stdout() -> int:
    """A descriptor where only what is told goes; whatever prints, prints to standard error."""
    told = os.dup(1)
    os.dup2(2, 1)
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
