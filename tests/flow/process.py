"""A real `headrace` process, started and ended by tests."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM
from threading import Condition, Thread
from typing import Any

from tests.fakes.http import PATIENCE_SECONDS
from tests.flow.waiting import wait_until
from tests.security import leaks

READY = "Headrace is ready at "

QUICK = {"HEADRACE_CONFIG_CACHE_SECONDS": "0.05"}
"""Settings that make changes of configuration show at once."""


def environment(**settings: str) -> dict[str, str]:
    """What a process under test sees; warnings of its own are not for these tests to judge."""
    return {**os.environ, **QUICK, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **settings}


def command(*arguments: object) -> list[str]:
    """The command line of `headrace`."""
    return [sys.executable, "-m", "headrace.cli", *map(str, arguments)]


def headrace(*arguments: object, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        command(*arguments),
        input=stdin,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


class Process:
    """One that runs until it is told to stop, in a session of its own; what it prints can be waited for."""

    def __init__(self, log: Path, *arguments: object, **settings: str) -> None:
        self._log = log
        self._settings = settings
        self._data_dir: Path | None = None
        with log.open("ab") as errors:
            self._popen = subprocess.Popen(
                command(*arguments),
                env=environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self.pid = self._popen.pid
        self.lines: list[str] = []
        self._changed = Condition()
        self._ended = False
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self._popen.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for_line(self, part: str) -> str:
        """The first line that holds `part`."""
        found: list[str] = []

        def look() -> bool:
            found[:] = [line for line in self.lines if part in line]
            return bool(found) or self._ended

        with self._changed:
            self._changed.wait_for(look, PATIENCE_SECONDS)
        assert found, f"no line with {part!r}; it said {self.lines} and {self._log.read_text()}"
        return found[0]

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def kill(self) -> None:
        """What a power switch does."""
        self._signal(SIGKILL)
        self.wait()

    def signal(self, number: int = SIGTERM) -> None:
        """Ask it to stop, or whatever `number` asks for."""
        self._signal(number)

    def wait(self, within: float = PATIENCE_SECONDS) -> int:
        """Its exit code, as soon as it ended."""
        code = self._popen.wait(within)
        self._reader.join(PATIENCE_SECONDS)
        self._popen.stdout.close()
        self._check_for_secrets()
        return code

    def _check_for_secrets(self) -> None:
        secrets = leaks.of_process(self._data_dir, self._settings)
        kinds = leaks.kinds_in_output("\n".join(self.lines), self._log.read_text(errors="replace"), secrets)
        assert not kinds, f"it printed {', '.join(kinds)}"

    def close(self) -> None:
        """End it, whatever state it is in."""
        if self.running:
            self.kill()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self._popen.send_signal(number)

    # --- what the kernel says about it ------------------------------------------------------------------

    @property
    def peak_memory_bytes(self) -> int:
        """The most memory that it ever held at once."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    def others_in_session(self) -> list[int]:
        """Processes that it started and that are alive."""
        alive = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == self.pid and int(entry.name) != self.pid and state != "Z":
                    alive.append(int(entry.name))
        return alive


class Runtime(Process):
    """`headrace up` on a free port, or another command that serves."""

    def __init__(
        self, data_dir: Path, log: Path, *, port: int = 0, command: Sequence[str] = ("up",), **settings: str
    ) -> None:
        super().__init__(log, *command, "--port", port, "--data-dir", data_dir, **settings)
        self._data_dir = data_dir

    @property
    def url(self) -> str:
        """Its base URL, as soon as it is ready."""
        return self.wait_for_line(READY).removeprefix(READY)

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.signal()
        return self.wait()

    def wait_until_gone(self) -> None:
        """Return when nothing that it started is alive."""
        wait_until(lambda: not self.others_in_session(), "all processes of a dead runtime are gone")


def surprises(log: Path) -> list[dict[str, Any]]:
    """The events of level error in a log: what nobody expected to happen."""
    lines = log.read_text().splitlines() if log.exists() else []
    events = [json.loads(line) for line in lines if line.startswith("{")]
    plain = [{"event": line} for line in lines if not line.startswith("{") and line.strip()]
    return [event for event in events if event["level"] == "error"] + plain
