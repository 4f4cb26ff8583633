"""A server program of a test: it can be killed and started again on the same port and files."""

import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGKILL
from typing import Any

from tests.flow.waiting import wait_until


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Runs `command`; `answers` says whether it is ready."""

    def __init__(self, command: Sequence[object], log: Path, answers: Callable[[], bool], **how: Any) -> None:
        self._command, self._log, self._answers, self._how = [str(part) for part in command], log, answers, how
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it is ready."""
        with self._log.open("ab") as output:
            self._popen = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **self._how
            )
        wait_until(lambda: self._ended() or self._answers(), f"{self._command[0]} is ready")
        assert not self._ended(), self._log.read_text()[-2000:]

    def kill(self) -> None:
        """What a power switch does."""
        self._end(SIGKILL)

    def stop(self, number: int) -> None:
        """End it by the signal that it likes best."""
        if self._popen is not None and not self._ended():
            self._end(number)

    def _ended(self) -> bool:
        return self._popen is None or self._popen.poll() is not None

    def _end(self, number: int) -> None:
        assert self._popen is not None
        self._popen.send_signal(number)
        self._popen.wait(30)


def accepts(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
