"""SpanArchive on PostgreSQL: each batch is one COPY and one INSERT, and a span that is there already is replaced."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Any

import psycopg
from psycopg import sql
from psycopg_pool import ConnectionPool, PoolTimeout

from headrace.adapters.span_archive_postgres.schema import COLUMNS, KEY, add_days, is_partitioned, migrate
from headrace.errors import Unavailable
from headrace.ports.span_archive import SpanRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)
_TIMEOUT_MS = 30_000
_WAIT_S = 10.0

_NAMES = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
_COPY = sql.SQL("COPY arrived ({}) FROM STDIN").format(_NAMES)
_TEMPORARY = "CREATE TEMPORARY TABLE arrived (LIKE headrace_spans) ON COMMIT DROP"
_INSERT = sql.SQL(
    "INSERT INTO headrace_spans ({names}) SELECT {names} FROM arrived ON CONFLICT ({key}) DO UPDATE SET {set}"
).format(
    names=_NAMES,
    key=sql.SQL(", ").join(map(sql.Identifier, KEY)),
    set=sql.SQL(", ").join(
        sql.SQL("{name} = excluded.{name}").format(name=sql.Identifier(name)) for name in COLUMNS if name not in KEY
    ),
)
_OF_A_PROJECT = ("trace_id", "span_id", "started_unix_nano")
"""What tells its spans apart; see KEY."""


class PostgresSpanArchive:
    """See `ports.span_archive.SpanArchive`. At first use it connects, and makes the table if need be."""

    def __init__(self, url: str, *, connections: int = 4) -> None:
        self._url = url
        self._opening = Lock()
        self._pool = ConnectionPool(
            url,
            min_size=0,
            max_size=connections,
            timeout=_WAIT_S,
            open=False,
            kwargs={"connect_timeout": 5, "options": f"-c statement_timeout={_TIMEOUT_MS} -c timezone=UTC"},
        )
        self._days: set[date] | None = None
        """Those that have a partition, as far as it is known here."""

    def migrate(self) -> list[str]:
        """Make the table; what was done, nothing when it is there. Raises Unavailable."""
        with _translated():
            return migrate(self._url)

    def store(self, project_id: str, spans: Sequence[SpanRow]) -> None:
        """See `SpanArchive.store`."""
        rows = {
            (span["trace_id"], span["span_id"], span["started_unix_nano"]): _row(project_id, span) for span in spans
        }
        if not rows:
            return
        with self._connection() as connection:
            self._add_partitions(connection, {row[_STARTED].date() for row in rows.values()})
            connection.execute(_TEMPORARY)
            with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                for row in rows.values():
                    copy.write_row(row)
            connection.execute(_INSERT)

    def erase(self, project_id: str) -> None:
        """See `SpanArchive.erase`."""
        with self._connection() as connection:
            connection.execute("DELETE FROM headrace_spans WHERE project_id = %s", [project_id])

    def close(self) -> None:
        """Let the connections go."""
        self._pool.close()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        with _translated():
            self._open()
            with self._pool.connection() as connection:
                yield connection

    def _open(self) -> None:
        with self._opening:
            if self._days is None:
                migrate(self._url)
                self._pool.open()
                self._days = set()

    def _add_partitions(self, connection: psycopg.Connection, days: set[date]) -> None:
        known = self._days if self._days is not None else set()
        if days <= known:
            return
        if is_partitioned(connection):
            add_days(connection, sorted(days - known), datetime.now(UTC).date())
        known.update(days)


@contextmanager
def _translated() -> Iterator[None]:
    """The message names no host: it may reach a stranger. The cause does."""
    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        code = getattr(error, "sqlstate", None) or type(error).__name__
        raise Unavailable(f"the archive of spans is unavailable ({code})") from error


def _row(project_id: str, span: SpanRow) -> tuple[Any, ...]:
    values = {**span, "project_id": project_id, "started_at": _time(span["started_unix_nano"])}
    return tuple(_storable(name, values[name]) for name in COLUMNS)


_STARTED = list(COLUMNS).index("started_at")


def _storable(name: str, value: Any) -> Any:
    """PostgreSQL's texts hold no NUL, and what is unknown is NULL there."""
    if not isinstance(value, str):
        return value
    if name == "attributes":
        return value.replace("\\u0000", "")
    return value.replace("\x00", "") or (None if "NOT NULL" not in COLUMNS[name] else "")


def _time(unix_nano: int) -> datetime:
    """To the microsecond, which is as exact as PostgreSQL keeps times."""
    return min(_EPOCH + timedelta(microseconds=min(max(0, unix_nano), 2**63) // 1000), _LATEST)
