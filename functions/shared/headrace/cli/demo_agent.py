"""The small agent of the demo: a few rules instead of a model, so that it needs no network and no key.

It is what any agent is: an HTTP server that takes batches at `/process` and posts what it finds to
`/internal/agent-output`.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import requests

Take = Callable[[bytes, dict[str, str]], None]
"""`(body, headers with names in lower case)`"""

_RULES = (
    (re.compile(r"pool exhausted|too many connections", re.IGNORECASE), "ConnectionPoolExhausted", "critical"),
    (re.compile(r"timed? ?out", re.IGNORECASE), "Timeout", "warning"),
    (re.compile(r"out of memory|oom", re.IGNORECASE), "OutOfMemory", "critical"),
    (re.compile(r"refused|unreachable", re.IGNORECASE), "ConnectionError", "critical"),
)


class Server:
    """A loopback HTTP server that answers every POST with 200 and hands the body on."""

    def __init__(self, take: Take) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                take(body, {name.lower(): value for name, value in self.headers.items()})
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing: the demo tells its own story."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()


def find(records: list[dict[str, Any]]) -> dict[str, Any]:
    """The finding about one batch: the most frequent kind of error in it."""
    kinds = Counter(_kind(str(record.get("body"))) for record in records)
    (name, severity), count = kinds.most_common(1)[0]
    services = Counter(record["resourceAttributes"].get("service.name", "?") for record in records)
    return {
        "title": name,
        "severity": severity,
        "summary": f"{count} of {len(records)} errors are {name}, most from {services.most_common(1)[0][0]}",
        "services": dict(services),
    }


def send_finding(endpoint: str, api_key: str, request_id: str, finding: dict[str, Any]) -> None:
    """Post a finding where Headrace takes what agents say."""
    answer = requests.post(
        f"{endpoint}/internal/agent-output",
        data=json.dumps(finding),
        headers={"X-API-Key": api_key, "X-Request-ID": request_id, "Content-Type": "application/json"},
        timeout=10,
    )
    answer.raise_for_status()


def _kind(body: str) -> tuple[str, str]:
    return next(((name, severity) for rule, name, severity in _RULES if rule.search(body)), ("Error", "warning"))
