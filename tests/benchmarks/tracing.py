"""Agent traces: spans normalized and stored as runs by one thread, and lists of a project with 100,000 runs."""

import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from headrace import bootstrap
from headrace.entry.collector import look_less_often
from headrace.intake.wire.envelope import encode_attributes
from headrace.intake.wire.stored import decode_records
from headrace.ports.bus import Received
from headrace.trace.domain.runs import assemble
from headrace.trace.domain.spans import Span, SpanError
from headrace.trace.domain.tracing import IDLE
from headrace.trace.operations.runs import list_runs
from headrace.trace.stages.names import Names
from headrace.trace.stages.store_runs import StoreRuns
from headrace.trace.stages.trace import trace
from headrace.trace.wire.conventions import normalize
from headrace.trace.wire.run_models import RunsIn
from tests.benchmarks.trace_requests import requests
from tests.otlp_records import decode_request, encode_records

_REQUESTS = 60
_EVENT_MESSAGES = 10
_RUNS = 100_000
_PROJECT = "project"


def measure() -> dict[str, float]:
    """Spans per second, milliseconds of lists, bytes."""
    look_less_often()  # as every door does
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        bootstrap.override(data_dir=Path(folder))
        bootstrap.make_data_dir()
        try:
            return {**_storing(Path(folder)), **_listing()}
        finally:
            bootstrap.close()


def _storing(folder: Path) -> dict[str, float]:
    bodies = [request.SerializeToString() for request in requests(_REQUESTS)]
    messages = [message for number, body in enumerate(bodies) for message in _messages(number, body)]
    spans = sum(int(message.attributes["records"]) for message in messages)
    needs = bootstrap.tracing()
    began, began_cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(messages), _EVENT_MESSAGES):
        if trace(messages[start : start + _EVENT_MESSAGES], needs):
            raise AssertionError("the stage gave messages back")
    took, took_cpu = time.perf_counter() - began, time.process_time() - began_cpu
    bootstrap.table("telemetry").close()  # which writes the log of the file back into it
    normalizing = _normalizing(messages)
    return {
        "traces: normalize and store as runs, spans/s of processor time (at least 20,000)": spans / took_cpu,
        "traces: the same by the clock, the disk's syncs included, spans/s": spans / took,
        "traces: normalize and assemble alone, spans/s": spans / normalizing,
        "traces: OTLP bytes a span": sum(map(len, bodies)) / spans,
        "traces: stored bytes a span, index and rollups included": (folder / "store.db").stat().st_size / spans,
    }


def _messages(number: int, body: bytes) -> list[Received]:
    now = time.time_ns()
    packed, _ = encode_records(decode_request("traces", "protobuf", body, now).records, record_limit_bytes=700 * 1024)
    return [
        Received(f"{number}-{part}", "spans", each.body, encode_attributes(_PROJECT, "traces", each, now), 1, "r", now)
        for part, each in enumerate(packed)
    ]


def _normalizing(messages: list[Received]) -> float:
    """Seconds to make runs of the same messages without storing them."""
    began = time.process_time()
    for message in messages:
        traces: dict[str, list[Span]] = {}
        for record in decode_records(message.body, message.attributes):
            span = normalize(record)
            traces.setdefault(span.trace_id, []).append(span)
        for spans in traces.values():
            assemble(spans, 0, 0, IDLE)
    return time.process_time() - began


def _listing() -> dict[str, float]:
    """The 95th percentile of lists of fifty, with what people ask for, among 100,000 runs."""
    telemetry, clock = bootstrap.table("telemetry"), bootstrap.clock()
    store = StoreRuns("large", telemetry, Names(), clock, timedelta(days=30))
    now = clock.now_unix_nano()
    for start in range(0, _RUNS, 500):
        store.store({f"{number:032x}": [_root(number, now)] for number in range(start, start + 500)})
    needs: Any = _Reading(telemetry, clock)
    asked = [{}, {"status": "failed"}, {"agent": "agent-7"}, {"user_id": "user-77"}, {"error_type": "timeout"}]
    figures = {}
    for query in asked:
        times = [_timed(RunsIn(**query), needs) for _ in range(40)]
        what = next(iter(query), "nothing else")
        figures[f"runs: a list of fifty of {_RUNS:,} by {what}, p95 in ms (under 50)"] = (
            statistics.quantiles(times, n=20)[-1] * 1000
        )
    return figures


class _Reading:
    """What reading runs needs of the control plane."""

    def __init__(self, telemetry: Any, clock: Any) -> None:
        self.telemetry, self.clock = telemetry, clock


def _timed(query: RunsIn, needs: Any) -> float:
    began = time.perf_counter()
    found, _ = list_runs("large", query, needs)
    took = time.perf_counter() - began
    if len(found) != query.limit:
        raise AssertionError(f"{len(found)} runs were found")
    return took


def _root(number: int, now_unix_nano: int) -> Span:
    failed = number % 50 == 0
    return Span(
        f"{number:032x}",
        f"{number:016x}",
        "",
        "invoke_agent",
        "agent",
        "made up",
        "langgraph",
        "desk",
        now_unix_nano - number * 1_000_000,
        1_000_000,
        "error" if failed else "ok",
        agent=f"agent-{number % 20}",
        agent_by="name",
        user_id=f"user-{number % 500}",
        error=SpanError("timeout", "no answer") if failed else None,
    )
