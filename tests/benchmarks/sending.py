"""`send_output` of the SDK beside a bare `requests.Session.post`: same body, same headers, same server, in turns."""

import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import requests

from headrace_sdk import Headrace
from headrace_sdk.testing import FakeReceiver

_CALLS = 3000
_KEY = "benchmark-key"
_FINDING = {
    "title": "Database connection pool exhausted",
    "severity": "critical",
    "root_cause": "Too many concurrent connections",
    "remediation": ["Increase max_connections", "Add connection pooling"],
    "services": ["payment-service", "checkout"],
}


def measure() -> dict[str, float]:
    """Microseconds, half of the calls being faster; and how much longer the SDK takes, in percent."""
    with _receiver_process() as url, requests.Session() as session, Headrace(_KEY, url) as headrace:

        def bare(request_id: str) -> object:
            headers = {"X-API-Key": _KEY, "X-Request-ID": request_id}
            answer = session.post(f"{url}/internal/agent-output", json=_FINDING, headers=headers, timeout=10)
            answer.raise_for_status()
            return answer.json()["id"]

        ours, theirs = _p50_us(lambda request_id: headrace.send_output(_FINDING, request_id), bare)
    return {
        "sdk: send_output, p50 µs": ours,
        "sdk: bare requests.Session.post, p50 µs": theirs,
        "sdk: send_output over the bare request, percent (at most 15)": (ours / theirs - 1) * 100,
    }


def _p50_us(*works: Callable[[str], object]) -> list[float]:
    """The median of each; by turns, and each turn in the other order, so that all meet the same noise."""
    taken: list[list[float]] = [[] for _ in works]
    gc.collect()
    for number in range(_CALLS):
        for work, times in list(zip(works, taken, strict=True))[:: 1 if number % 2 else -1]:
            started = time.perf_counter()
            work(f"batch-{number}")
            times.append((time.perf_counter() - started) * 1e6)
    return [statistics.median(times[100:]) for times in taken]


@contextmanager
def _receiver_process() -> Iterator[str]:
    """A receiver in a process of its own, so that its work is not taken for the client's."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_receive, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join()


def _receive(pipe: Connection) -> None:
    with FakeReceiver(_KEY) as receiver:
        pipe.send(receiver.url)
        pipe.recv()
