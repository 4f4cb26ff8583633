"""`GET /livez` and `GET /readyz`: what an orchestrator asks each process, whatever functions it runs.

Ready means that this process takes work; whether the engines answer is said by `/health`. A receiver without its bus
must stay reachable: it answers 503 with `Retry-After`, which exporters understand better than no answer at all.
"""

import json
from threading import Event


class Probes:
    """Not ready until it is opened, and never again once it is closed. Any thread."""

    def __init__(self) -> None:
        self._open, self._closed = Event(), Event()

    def open(self) -> None:
        """From now on this process takes work."""
        self._open.set()

    def close(self) -> None:
        """From now on nothing new should come here."""
        self._closed.set()

    def answer(self, method: str, path: str) -> tuple[int, bytes] | None:
        """Status and JSON body, None for a request that is not for the probes."""
        if method not in ("GET", "HEAD"):
            return None
        if path == "/livez":
            return 200, _encode("alive")
        if path != "/readyz":
            return None
        if self._closed.is_set():
            return 503, _encode("stopping")
        return (200, _encode("ready")) if self._open.is_set() else (503, _encode("starting"))


def _encode(status: str) -> bytes:
    return json.dumps({"status": status}).encode()
