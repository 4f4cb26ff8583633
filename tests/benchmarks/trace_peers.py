"""The same agent traces to Headrace and to two peers, each on SQLite and alone on the machine, until all are there.

A span counts as there when a reader of the database sees it, which is the earliest that any query could show it; for
Headrace, when its run is in the index. A peer is measured if it is installed in a folder of its own:

    python3 -m venv .venv-peers/phoenix && .venv-peers/phoenix/bin/pip install arize-phoenix
    python3 -m venv .venv-peers/mlflow && .venv-peers/mlflow/bin/pip install mlflow
"""

import http.client
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from headrace.cli.credentials import read_credentials
from tests.benchmarks.trace_requests import requests
from tests.engines.server import free_port

_REQUESTS = 24
_SENDERS = 4
_PATIENCE_SECONDS = 300
_FOLDER = Path(__file__).parents[2] / ".venv-peers"


@dataclass
class Receiver:
    """How one of them is started, spoken to and looked into."""

    name: str
    command: Callable[[Path, int], Sequence[object]]
    database: str
    spans: str
    """SQL that counts what is there, spans or traces."""
    counts_traces: bool = False
    environment: Callable[[Path, int], dict[str, str]] = lambda folder, port: {}
    headers: Callable[[Path], dict[str, str]] = lambda folder: {}
    ready: str = "/health"
    program: Path = field(default_factory=lambda: Path(sys.executable))


def _headrace_command(folder: Path, port: int) -> Sequence[object]:
    return [sys.executable, "-m", "headrace.cli", "up", "--port", port, "--data-dir", folder / "data"]


def _headrace_headers(folder: Path) -> dict[str, str]:
    return {"X-API-Key": read_credentials(folder / "data").api_key}


def _phoenix_environment(folder: Path, port: int) -> dict[str, str]:
    return {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    }


def _mlflow_command(folder: Path, port: int) -> Sequence[object]:
    program = _FOLDER / "mlflow/bin/mlflow"
    files = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--default-artifact-root", folder / "artifacts"]
    return [program, "server", "--host", "127.0.0.1", "--port", port, "--workers", 1, *files]


RECEIVERS = (
    Receiver(
        "headrace",
        _headrace_command,
        "data/store.db",
        "SELECT count(*) FROM headrace_telemetry WHERE sk LIKE 'time#%'",
        counts_traces=True,
        headers=_headrace_headers,
    ),
    Receiver(
        "phoenix",
        lambda folder, port: [_FOLDER / "phoenix/bin/phoenix", "serve"],
        "phoenix.db",
        "SELECT count(*) FROM spans",
        environment=_phoenix_environment,
        ready="/healthz",
        program=_FOLDER / "phoenix/bin/phoenix",
    ),
    Receiver(
        "mlflow",
        _mlflow_command,
        "mlflow.db",
        "SELECT count(*) FROM spans",
        headers=lambda folder: {"x-mlflow-experiment-id": "0"},
        program=_FOLDER / "mlflow/bin/mlflow",
    ),
)  # fmt: skip


def measure() -> dict[str, float]:
    """Spans per second to queryable, of each that is installed, and the ratio to the better peer."""
    wanted = list(requests(_REQUESTS))
    bodies = [request.SerializeToString() for request in wanted]
    ids = [span.trace_id for each in wanted for r in each.resource_spans for s in r.scope_spans for span in s.spans]
    rates = {}
    for receiver in RECEIVERS:
        if receiver.program.exists():
            there = len(set(ids)) if receiver.counts_traces else len(ids)
            rates[receiver.name] = len(ids) / _seconds(receiver, bodies, there)
    figures = {f"traces: accepted until queryable, {name}, spans/s": rate for name, rate in rates.items()}
    peers = [rate for name, rate in rates.items() if name != "headrace"]
    if peers:
        figures["traces: times the better peer (at least 10)"] = rates["headrace"] / max(peers)
    return figures


def _seconds(receiver: Receiver, bodies: Sequence[bytes], there: int) -> float:
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as name:
        folder, port = Path(name), free_port()
        environment = {**os.environ, **receiver.environment(folder, port)}
        command = [str(part) for part in receiver.command(folder, port)]
        with (folder / "log").open("wb") as log, subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process:  # fmt: skip
            try:
                _until(lambda: _answers(port, receiver.ready), process, folder / "log")
                headers = {"Content-Type": "application/x-protobuf", **receiver.headers(folder)}
                began = time.perf_counter()
                with ThreadPoolExecutor(_SENDERS) as threads:
                    list(threads.map(lambda body: _post(port, body, headers), bodies))
                _until(lambda: _count(folder / receiver.database, receiver.spans) >= there, process, folder / "log")
                return time.perf_counter() - began
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def _post(port: int, body: bytes, headers: dict[str, str]) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)) as connection:
        connection.request("POST", "/v1/traces", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise AssertionError(f"answered {answer.status}: {text[:300]!r}")


def _answers(port: int, path: str) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status == 200
    except OSError:
        return False


def _count(database: Path, sql: str) -> int:
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
            return int(connection.execute(sql).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def _until(done: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.perf_counter() + _PATIENCE_SECONDS
    while not done():
        if time.perf_counter() > ends or process.poll() is not None:
            raise AssertionError(f"it did not come so far:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)
