"""A run in the table: what no route of the management API adds, since the functions of the data path do."""

from datetime import timedelta

from headrace.ports.clock import Clock
from headrace.ports.table import Table
from headrace.trace.domain.spans import Span
from headrace.trace.stages.names import Names
from headrace.trace.stages.store_runs import StoreRuns

TRACED = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}
"""The ids of the run that `store_run` stores, by the names of path parameters."""


def store_run(project_id: str, telemetry: Table, clock: Clock) -> None:
    """Store a run of one span."""
    started = clock.now_unix_nano()
    span = Span(*TRACED.values(), "", "plan", "agent", "a rule", "generic", "desk", started, 1, "ok", agent="planner")
    StoreRuns(project_id, telemetry, Names(), clock, timedelta(days=1)).store({span.trace_id: [span]})
