"""End to end on one machine, load generator included: accepted durably, filtered, 1 % kept and delivered.

The runtime is `headrace up`. Generator and agent share the machine with it, as the figure
says. Memory is that of the runtime's processes, sampled while it works. Before and after, a bare sketch gets the same
requests, since machines differ, and this one from minute to minute.
"""

import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from headrace import bootstrap
from headrace.cli.credentials import read_credentials
from headrace.cli.init import Wanted, configure
from tests.benchmarks.reference import RECORDS, request
from tests.kinship import family, memory_bytes

_MIB = 1024 * 1024
_SENDERS = 8
_SKETCH_SECONDS = 5
_READY = "Headrace is ready at "


class _Agent(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    counting = Lock()
    seen = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.counting:
            type(self).seen += len(json.loads(body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def measure(seconds: float = 15) -> dict[str, float]:
    """Records per second through the whole path, and the runtime's memory in MiB at a quarter and at the end."""
    before = _sketch()
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder, _agent() as agent:
        with _runtime(Path(folder)) as (process, port):
            credentials = _configure(Path(folder), agent)
            memory: list[float] = []
            started = time.perf_counter()
            sent = _send(port, credentials.api_key, seconds, lambda: memory.append(_memory_mib(process.pid)))
            _until(lambda: _Agent.seen >= sent // 100)
            took = time.perf_counter() - started
        sketch = (before + _sketch()) / 2
        return {
            "end to end: records/s, 1 % kept (at least 60,000)": sent / took,
            "end to end: records/s of a bare sketch": sketch,
            "end to end: times the sketch (60,000 of 86,000 is 0.7)": sent / took / sketch,
            "end to end: records": float(sent),
            "end to end: records at the agent": float(_Agent.seen),
            "end to end: memory of the runtime, MiB, after a quarter": memory[len(memory) // 4],
            "end to end: memory of the runtime, MiB, at the end (under 250)": memory[-1],
        }


def _send(port: int, key: str, seconds: float, sample: Callable[[], object]) -> int:
    """Post the same request over and over from a few threads; how many records were answered with 200."""
    records = RECORDS // 100 * 100
    body = request(kept=0.01, records=records)
    ends = time.perf_counter() + seconds

    def run(_: int) -> int:
        connection, taken = http.client.HTTPConnection("127.0.0.1", port), 0
        headers = {"Content-Type": "application/x-protobuf", "X-API-Key": key}
        while time.perf_counter() < ends:
            connection.request("POST", "/v1/logs", body, headers)
            answer = connection.getresponse()
            answer.read()
            taken += records * (answer.status == 200)
        connection.close()
        return taken

    with ThreadPoolExecutor(_SENDERS) as threads:
        sending = [threads.submit(run, number) for number in range(_SENDERS)]
        while wait(sending, timeout=0.5).not_done:
            sample()
        return sum(each.result() for each in sending)


def _configure(folder: Path, agent: str) -> Any:
    bootstrap.override(data_dir=folder)
    configure(Wanted(agent_endpoint=agent, filter="severityNumber >= 17"))
    credentials = read_credentials(folder)
    bootstrap.close()
    return credentials


def _sketch() -> float:
    """Records per second that the sketch takes."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        command = [sys.executable, "-m", "tests.benchmarks.sketch", f"{folder}/messages.db"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            try:
                return _send(port, "", _SKETCH_SECONDS, lambda: None) / _SKETCH_SECONDS
            finally:
                process.terminate()


@contextmanager
def _agent() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Agent)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/process"
    server.shutdown()
    server.server_close()


@contextmanager
def _runtime(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-m", "headrace.cli", "up", "--port", "0", "--data-dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith(_READY))
        try:
            yield process, int(line.rpartition(":")[2])
        finally:
            process.terminate()


def _memory_mib(pid: int) -> float:
    return sum(map(memory_bytes, family(pid))) / _MIB


def _until(done: Any, seconds: float = 60) -> None:
    ends = time.perf_counter() + seconds
    while not done():
        if time.perf_counter() > ends:
            raise AssertionError("the records did not arrive at the agent")
        time.sleep(0.01)
