"""The agent `otlp-error-summary` as it is really run: uvicorn in a process of its own, on a free port."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from threading import Condition, Thread
from typing import Any

import requests

from tests.fakes.http import PATIENCE_SECONDS, HttpStandIn, listening, reply

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "agents" / "otlp-error-summary"
KEY = "hr_test"
ACCEPTED = reply(202, b'{"status": "accepted", "id": "output-1"}', Content_Type="application/json")
ERRORS = [
    {
        "resourceAttributes": {"service.name": "payment-service"},
        "severityNumber": 17,
        "body": "Connection refused: database pool exhausted",
        "traceId": "a" * 32,
        "timestamp": f"2024-01-15T10:30:0{second}Z",
    }
    for second in range(3)
]


class AgentProcess:
    """Started with the settings given, and no others; what it says can be waited for."""

    def __init__(self, **settings: str) -> None:
        self.lines: list[str] = []
        self._changed, self._ended = Condition(), False
        self.popen = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "uvicorn", "main:app", "--port", "0", "--timeout-keep-alive", "60"],
            cwd=FOLDER,
            env={**_bare_environment(), "PYTHONUNBUFFERED": "1", **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = Thread(target=self._read)
        self._reader.start()

    @property
    def url(self) -> str:
        """Where it listens, as soon as it does."""
        return re.search(r"http://\S+", self.wait_for_line("Uvicorn running on"))[0]

    def process(self, records: Any = ERRORS, **headers: str) -> requests.Response:
        """Send a batch, or any other body."""
        data = {"data": records} if isinstance(records, bytes) else {"json": records}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(f"{self.url}/process", **data, headers=named, timeout=PATIENCE_SECONDS)

    def health(self) -> Any:
        return requests.get(f"{self.url}/healthz", timeout=PATIENCE_SECONDS).json()

    def wait_for_line(self, part: str) -> str:
        """The first line that holds `part`."""
        found: list[str] = []

        def look() -> bool:
            found[:] = [line for line in self.lines if part in line]
            return bool(found) or self._ended

        with self._changed:
            self._changed.wait_for(look, PATIENCE_SECONDS)
        assert found, f"no line with {part!r} in\n" + "\n".join(self.lines)
        return found[0]

    def stop(self) -> None:
        """Ask it to end, without waiting."""
        self.popen.send_signal(SIGTERM)

    def wait(self) -> int:
        """Its exit code, as soon as it ended."""
        code = self.popen.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        self.popen.stdout.close()
        return code

    def _read(self) -> None:
        for line in self.popen.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def _bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}


@contextmanager
def running(endpoint: str, **settings: str) -> Iterator[AgentProcess]:
    """An agent that sends its results to `endpoint`; all it said was said on purpose."""
    agent = AgentProcess(**{"HEADRACE_API_KEY": KEY, "HEADRACE_ENDPOINT": endpoint, **settings})
    try:
        assert agent.url
        yield agent
    finally:
        agent.stop()
        code = agent.wait()
    assert code in (0, -SIGTERM), agent.lines
    assert [line for line in agent.lines if "Traceback" in line] == [], agent.lines


@contextmanager
def receiving() -> Iterator[HttpStandIn]:
    """A stand-in for Headrace that takes every output."""
    with listening() as headrace:
        headrace.will(ACCEPTED)
        yield headrace


def base_url(stand_in: HttpStandIn) -> str:
    return stand_in.url.removesuffix("/process")
