"""The management API over HTTP, keep-alive, against `headrace up` in a process of its own; half of the answers are
faster than what is shown. Signing up and in beside the one Argon2 that each of them is made of."""

import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from argon2 import PasswordHasher

from headrace.cli.credentials import read_credentials
from tests.benchmarks.imports import door_import_ms
from tests.flow.process import Runtime

_READS, _SAVES, _SIGN_INS = 400, 200, 20
_PASSWORD = "correct horse battery"
_PIPELINE = {"agent_endpoint": "https://agents.example.com/process", "filter": "severityNumber >= 17", "enabled": False}


def measure() -> dict[str, float]:
    """Milliseconds."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        runtime = Runtime(Path(folder) / "data", Path(folder) / "stderr.log")
        try:
            figures = _measure(_Client(runtime.url, Path(folder) / "data"))
        finally:
            runtime.close()
    hasher = PasswordHasher()
    stored = hasher.hash(_PASSWORD)
    return {
        **figures,
        "management: bare Argon2 verification, p50 ms": _p50_ms(lambda _: hasher.verify(stored, _PASSWORD), _SIGN_INS),
        "import: functions/control_plane, ms beyond bare Python (at most 350)": door_import_ms("control_plane"),
    }


class _Client:
    """One connection, signed in as the account of the data directory."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self._headers = {"Content-Type": "application/json"}
        credentials = read_credentials(data_dir)
        self.project = f"/projects/{credentials.project_id}"
        self.login = {"email": credentials.email, "password": credentials.password}
        self._headers["Authorization"] = f"Bearer {self.call('POST', '/auth/login', self.login)['access_token']}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        packed = None if body is None else json.dumps(body)
        self._connection.request(method, f"/api/v1{path}", packed, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise AssertionError(f"{method} {path} was answered with {answer.status}: {text!r}")
        return json.loads(text)


def _measure(client: _Client) -> dict[str, float]:
    def save(number: int) -> None:
        client.call("PUT", f"{client.project}/pipeline", {**_PIPELINE, "batch_size": 1 + number % 1000})

    def sign_up(number: int) -> None:
        client.call("POST", "/auth/signup", {"email": f"user{number}@example.com", "password": _PASSWORD})

    return {
        "management: GET /me, p50 ms (under 5)": _p50_ms(lambda _: client.call("GET", "/me"), _READS),
        "management: GET /projects, p50 ms (under 5)": _p50_ms(lambda _: client.call("GET", "/projects"), _READS),
        "management: GET …/status, p50 ms": _p50_ms(lambda _: client.call("GET", f"{client.project}/status"), _READS),
        "management: PUT …/pipeline, p50 ms (under 20)": _p50_ms(save, _SAVES),
        "management: sign up, p50 ms": _p50_ms(sign_up, _SIGN_INS),
        "management: sign in, p50 ms": _p50_ms(lambda _: client.call("POST", "/auth/login", client.login), _SIGN_INS),
    }


def _p50_ms(work: Callable[[int], object], times: int) -> float:
    def once(number: int) -> float:
        started = time.perf_counter()
        work(number)
        return (time.perf_counter() - started) * 1000

    return statistics.median([once(number) for number in range(times)][1:])
