"""All in which SQLite and PostgreSQL differ: connections, transactions, and the names of their errors."""

import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from headrace.adapters.sqlite_wal import use_write_ahead_log
from headrace.errors import ConfigError, Unavailable

_LOCKED = "other writers have held it for too long"
_RACED = "too many writers want the same items"
_FULL = "its disk is full"
_LARGEST_IDLE_LOG_BYTES = 32 * 1024 * 1024
"""SQLite cuts a write-ahead log that a long read let grow to this when it begins it anew; else it stays as it is."""


class Dialect(ABC):
    """What the adapter needs to know of an engine. `lock_timeout` is how long a write waits for others."""

    begin: ClassVar[str]
    """The statement that begins a transaction that writes."""
    code_attribute: ClassVar[str]
    """Where the driver's exceptions carry the engine's own name of an error."""
    reasons: ClassVar[dict[str, str]]
    """What an error means, for people, by how its code begins; the first that fits counts."""
    migrates_itself: ClassVar[bool] = False
    """Whether a program that finds an older schema brings it up to date without being asked."""
    races: ClassVar[frozenset[str]] = frozenset()
    """Codes of transactions that lost against another and should be run again."""

    def __init__(self, lock_timeout: timedelta) -> None:
        self.wait_s = lock_timeout.total_seconds()

    @abstractmethod
    def engine(self, url: sa.URL) -> sa.Engine:
        """An engine whose connections commit each statement unless `begin` was one."""

    @abstractmethod
    def upsert(self, table: sa.Table) -> sa.Insert:
        """A statement that inserts a row or replaces the one with its key."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Held around a write, by engines that let only one through.

        Raises:
            Unavailable: others took too long.
        """
        yield

    def before_migration(self, connection: sa.Connection) -> None:  # noqa: B027 - most engines need nothing
        """Make other processes that migrate wait until the end of this transaction."""

    def code(self, error: BaseException) -> str:
        """The engine's own name of an error, "" without one."""
        return str(getattr(error, self.code_attribute, None) or "")

    def told(self, error: BaseException) -> str:  # noqa: ARG002 - most engines have codes for everything
        """What the engine itself said, where it has no code for it; "" when it said nothing."""
        return ""

    def reason(self, code: str) -> str:
        """What `code` means, for people; "" when unknown."""
        return next((reason for start, reason in self.reasons.items() if code.startswith(start)), "")


def dialect_of(url: sa.URL, lock_timeout: timedelta) -> Dialect:
    """The dialect for `url`.

    Raises:
        ConfigError: neither PostgreSQL nor SQLite with a file.
    """
    if url.get_backend_name() == "postgresql":
        return PostgreSql(lock_timeout)
    if url.get_backend_name() != "sqlite":
        raise ConfigError(f"tables live in sqlite or postgresql, not in {url.get_backend_name()}")
    if url.database in (None, "", ":memory:"):
        raise ConfigError("tables in sqlite need a file: sqlite:///path/to/file")
    return Sqlite(lock_timeout)


class Sqlite(Dialect):
    """SQLite with a write-ahead log: readers never wait, writers take turns, a commit is on the disk."""

    begin = "BEGIN IMMEDIATE"  # a lock taken at the first write instead could find that its reads are stale
    code_attribute = "sqlite_errorname"
    migrates_itself = True
    reasons: ClassVar = {  # https://www.sqlite.org/rescode.html
        "SQLITE_BUSY": _LOCKED,
        "SQLITE_LOCKED": _LOCKED,
        "SQLITE_FULL": _FULL,
        "SQLITE_IOERR": "its disk fails",
        "SQLITE_READONLY": "its file may not be written",
        "SQLITE_PERM": "its file may not be used",
        "SQLITE_CANTOPEN": "its file cannot be opened",
        "SQLITE_NOTADB": "its file is not a database",
        "SQLITE_CORRUPT": "its file is damaged",
        "SQLITE_NOMEM": "there is no memory left",
    }

    def __init__(self, lock_timeout: timedelta) -> None:
        super().__init__(lock_timeout)
        self._turn = threading.Lock()

    def engine(self, url: sa.URL) -> sa.Engine:
        """See Dialect. The pool is wide: readers run side by side, and a connection is only an open file."""
        engine = sa.create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            connect_args={"timeout": self.wait_s, "check_same_thread": False},
            poolclass=sa.QueuePool,
            pool_size=8,
            max_overflow=56,
            pool_timeout=self.wait_s,
            pool_use_lifo=True,
        )
        sa.event.listen(engine, "connect", self._prepare)
        return engine

    def upsert(self, table: sa.Table) -> sa.Insert:
        """See Dialect."""
        insert = sqlite.insert(table)
        return insert.on_conflict_do_update(index_elements=["pk", "sk"], set_=_all_but_keys(insert.excluded))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """See Dialect. SQLite has writers look again from time to time; threads can queue properly."""
        if not self._turn.acquire(timeout=self.wait_s):
            raise Unavailable(f"the table store is unavailable: {_LOCKED}")
        try:
            yield
        finally:
            self._turn.release()

    def _prepare(self, connection: sqlite3.Connection, _record: object) -> None:
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA journal_size_limit={_LARGEST_IDLE_LOG_BYTES}")
            use_write_ahead_log(connection, self.wait_s)
        except BaseException:
            connection.close()  # the pool does not know it yet
            raise


class PostgreSql(Dialect):
    """PostgreSQL through psycopg: rows are locked for a write, and a lost race to insert is run again."""

    begin = "BEGIN ISOLATION LEVEL READ COMMITTED"  # each statement sees what others committed before it
    code_attribute = "sqlstate"
    races = frozenset({"23505", "40001", "40P01"})  # unique violation, serialization failure, deadlock
    reasons: ClassVar = {  # https://www.postgresql.org/docs/current/errcodes-appendix.html
        "08": "its server cannot be reached",
        "23505": _RACED,
        "28": "its server refuses the user or the password",
        "3D": "its server has no such database",
        "40": _RACED,
        "42501": "its user may not do this",
        "53100": _FULL,
        "53": "its server has no connection or memory left",
        "54": "its server cannot take anything that large",
        "55P03": _LOCKED,
        "57": "its server is stopping or starting",
        "58": "its disk fails",
    }

    _REFUSALS: ClassVar = {
        'FATAL:  database "': reasons["3D"],
        'FATAL:  role "': reasons["28"],
        "FATAL:  password authentication": reasons["28"],
        "FATAL:  no pg_hba.conf entry": reasons["28"],
        "FATAL:  sorry, too many clients": reasons["53"],
        "FATAL:  the database system is": reasons["57"],
    }
    _MIGRATION_LOCK = 0x4865616472616365  # "Headrace"

    def engine(self, url: sa.URL) -> sa.Engine:
        """See Dialect."""
        wait_ms = max(1, round(self.wait_s * 1000))
        return sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            connect_args={
                "connect_timeout": 5,
                "tcp_user_timeout": 10_000,  # ms until a server that vanished is given up
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                # The last so that a process that stands still does not keep its rows from all others.
                "options": f"-c lock_timeout={wait_ms} -c statement_timeout=30s"
                " -c idle_in_transaction_session_timeout=30s",
            },
            pool_size=8,
            max_overflow=24,
            pool_timeout=self.wait_s,
            pool_use_lifo=True,
            pool_pre_ping=True,  # so that a restarted server costs no failed call
        )

    def upsert(self, table: sa.Table) -> sa.Insert:
        """See Dialect."""
        from sqlalchemy.dialects import postgresql  # 25 ms that SQLite has no need to spend

        insert = postgresql.insert(table)
        return insert.on_conflict_do_update(index_elements=["pk", "sk"], set_=_all_but_keys(insert.excluded))

    def told(self, error: BaseException) -> str:
        """See Dialect. Refused connections have no code, but words."""
        return next((reason for words, reason in self._REFUSALS.items() if words in str(error)), "")

    def before_migration(self, connection: sa.Connection) -> None:
        """See Dialect. Others wait for longer than for rows: building an index may take its time."""
        connection.exec_driver_sql("SET LOCAL lock_timeout = '10min'; SET LOCAL statement_timeout = 0")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(self._MIGRATION_LOCK)))


def _all_but_keys(excluded: Any) -> dict[str, Any]:
    return {column.name: column for column in excluded if column.name not in ("pk", "sk")}
