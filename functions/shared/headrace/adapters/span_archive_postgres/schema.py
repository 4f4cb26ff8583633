"""The table `headrace_spans`: a hypertable where TimescaleDB is installed, else partitioned by day (UTC).

A table that is partitioned has a partition for each day that spans came for, made when the first of them comes, and
one for days that are far off, so that a clock that is wrong does not make thousands. Old spans go by dropping
partitions or chunks: that is the team's to decide.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg import sql

_LOCK = 4_318_001
"""Of the advisory lock that keeps two starters, or two that make the same partition, apart."""
_DAYS_BACK, _DAYS_AHEAD = 400, 2

COLUMNS = {
    "project_id": "text NOT NULL",
    "trace_id": "text NOT NULL",
    "span_id": "text NOT NULL",
    "parent_span_id": "text",
    "name": "text NOT NULL",
    "kind": "text NOT NULL",
    "framework": "text NOT NULL",
    "service_name": "text NOT NULL",
    "agent": "text",
    "role": "text",
    "tool": "text",
    "started_at": "timestamptz NOT NULL",
    "duration_ms": "double precision",
    "status": "text NOT NULL",
    "error_type": "text",
    "error_message": "text",
    "model": "text",
    "provider": "text",
    "input_tokens": "bigint",
    "output_tokens": "bigint",
    "cached_tokens": "bigint",
    "cost_usd": "double precision",
    "user_id": "text",
    "session_id": "text",
    "input": "text",
    "output": "text",
    "attributes": "jsonb NOT NULL",
    "rule": "text NOT NULL",
}
KEY = ("project_id", "trace_id", "span_id", "started_at")
"""With the time, since a table is partitioned by it: a span that is sent again has the same start."""

_INDEXES = {
    "headrace_spans_time": "(project_id, started_at DESC)",
    "headrace_spans_agent": "(project_id, agent, started_at DESC) WHERE agent IS NOT NULL",
    "headrace_spans_errors": "(project_id, error_type, started_at DESC) WHERE error_type IS NOT NULL",
}


def migrate(url: str) -> list[str]:
    """Make the table and its indexes; what was done, nothing when they are there. Any number may do so at once.

    Raises:
        psycopg.Error: the database does not answer, or refuses.
    """
    with psycopg.connect(url, connect_timeout=10) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if connection.execute("SELECT to_regclass('headrace_spans')").fetchone() != (None,):
            return []
        hypertable = _has_timescale(connection)
        _create(connection, hypertable=hypertable)
    return [f"spans, {'a hypertable' if hypertable else 'partitioned by day'}"]


def _has_timescale(connection: psycopg.Connection) -> bool:
    """Whether the extension is there. It is never installed from here: that takes a superuser, and a decision."""
    return connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone() is not None


def _create(connection: psycopg.Connection, *, hypertable: bool) -> None:
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in COLUMNS.items()
    )
    key = sql.SQL(", ").join(map(sql.Identifier, KEY))
    partition = sql.SQL("" if hypertable else " PARTITION BY RANGE (started_at)")
    connection.execute(sql.SQL("CREATE TABLE headrace_spans ({}, PRIMARY KEY ({})){}").format(columns, key, partition))
    for name, what in _INDEXES.items():
        connection.execute(sql.SQL(f"CREATE INDEX {name} ON headrace_spans {what}"))
    if hypertable:
        connection.execute("SELECT create_hypertable('headrace_spans', 'started_at')")
    else:
        connection.execute("CREATE TABLE headrace_spans_other PARTITION OF headrace_spans DEFAULT")


def is_partitioned(connection: psycopg.Connection) -> bool:
    """Whether days need partitions of their own. Raises psycopg.Error when there is no table."""
    row = connection.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = 'headrace_spans'::regclass").fetchone()
    return row == (True,)


def add_days(connection: psycopg.Connection, days: Iterable[date], today: date) -> None:
    """Make the partitions of those of `days` that are near enough to `today`; others have one together."""
    for day in days:
        if not -_DAYS_BACK <= (day - today).days <= _DAYS_AHEAD:
            continue
        name = sql.Identifier(f"headrace_spans_{day:%Y%m%d}")
        edges = [sql.Literal(_midnight(each)) for each in (day, day + timedelta(days=1))]
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(
            sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF headrace_spans FOR VALUES FROM ({}) TO ({})").format(
                name, *edges
            )
        )
        connection.commit()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
