"""The SQLite file of the bus: its schema, and the one thread that writes to it.

SQLite has one writer at a time, and a durable commit waits for the disk. So writes queue up for a single thread,
which takes all that came while the last commit was under way and commits them together (group commit): eight
publishers cost one fsync, not eight. Readers have a connection of their own and never wait (WAL).
"""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from headrace.adapters.sqlite_wal import use_write_ahead_log
from headrace.errors import ConfigError, Unavailable

Result = TypeVar("Result")
Write = Callable[[sqlite3.Connection], Result]

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL,
    sent INTEGER NOT NULL,
    due INTEGER NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0,
    receipt TEXT
);
CREATE INDEX IF NOT EXISTS messages_due ON messages (queue, due);
CREATE INDEX IF NOT EXISTS messages_received ON messages (queue, receive_count) WHERE receive_count > 0;
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL,
    reason TEXT NOT NULL,
    receive_count INTEGER NOT NULL,
    dead INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS dead_letters_queue ON dead_letters (queue, id);
CREATE TABLE IF NOT EXISTS subscriptions (
    queue TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    batch_window_ms INTEGER NOT NULL,
    max_concurrency INTEGER NOT NULL,
    active INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS subscriptions_project ON subscriptions (project_id);
PRAGMA user_version = 1;
"""

BUSY_TIMEOUT_SECONDS = 10
_GROUP = 512
_CHECKPOINT_PAGES = 4000
_LARGEST_IDLE_LOG_BYTES = 32 * 1024 * 1024
"""A write-ahead log that a long read let grow is cut to this when it is begun anew; by itself it never shrinks."""


Entry = tuple[Write[Any], bool, "Future[Any]"]


class BusFile:
    """Opened at first use; safe for many threads, and for many processes each with its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._opened: _Opened | None = None

    def write(self, work: Write[Result], *, durable: bool) -> Result:
        """Run `work` in a transaction; when `durable`, return only once it is on the disk.

        Raises:
            Unavailable: nothing of `work` was stored.
        """
        future: Future[Result] = Future()
        with self._lock:
            self._open().writes.put((work, durable, future))
        return future.result()

    def read(self, sql: str, *parameters: Any) -> list[Any]:
        """The rows of a query, as of the last commit. Raises Unavailable.

        Counting a deep queue takes its time; writers do not wait for that, only other readers do.
        """
        while True:
            with self._lock:
                opened = self._open()
            with opened.reading, translated(self._path):
                if opened is self._opened:  # else it was closed in between
                    return opened.reader.execute(sql, parameters).fetchall()

    def close(self) -> None:
        """Finish the writes that were asked for, then let the file go. It opens again when used again."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.writes.put(None)
            opened.thread.join()
            with opened.reading:
                opened.reader.close()

    def _open(self) -> "_Opened":
        if self._opened is None:
            with translated(self._path):
                self._opened = _Opened(self._path)
        return self._opened


class _Opened:
    """The connections of an open file, and the thread that owns the one that writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with ExitStack() as on_failure:
            self._writer = on_failure.enter_context(closing(_connect(path)))
            self._writer.executescript(SCHEMA)
            self.reader = on_failure.enter_context(closing(_connect(path)))
            on_failure.pop_all()
        self.reading = Lock()
        self.writes: SimpleQueue[Entry | None] = SimpleQueue()
        self.thread = Thread(target=self._run, name="bus-writer", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        more = True
        while more:
            group, more = self._next_group()
            if group:
                self._commit(group)
        self._writer.close()

    def _next_group(self) -> tuple[list[Entry], bool]:
        """All that is waiting, at least one; second, whether more may come."""
        group: list[Entry] = []
        entry = self.writes.get()
        while entry is not None:
            group.append(entry)
            if len(group) == _GROUP:
                return group, True
            try:
                entry = self.writes.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _commit(self, group: list[Entry]) -> None:
        durable = any(entry[1] for entry in group)
        try:
            with translated(self._path):
                results = _transaction(self._writer, [work for work, _, _ in group], durable)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the caller who waits gets it
            if len(group) == 1:
                group[0][2].set_exception(problem)
                return
            for entry in group:  # one at a time, so that a bad write fails alone
                self._commit([entry])
            return
        for (_, _, future), result in zip(group, results, strict=True):
            future.set_result(result)


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)
    use_write_ahead_log(connection, BUSY_TIMEOUT_SECONDS)
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_IDLE_LOG_BYTES}")
    return connection


def _transaction(writer: sqlite3.Connection, works: list[Write[Any]], durable: bool) -> list[Any]:
    """FULL makes the commit wait for the disk. Work that may be repeated after a power failure does without."""
    writer.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    writer.execute("BEGIN IMMEDIATE")
    try:
        results = [work(writer) for work in works]
        writer.execute("COMMIT")
    except BaseException:
        if writer.in_transaction:
            writer.execute("ROLLBACK")
        raise
    return results


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors in our words; all of them may go away: space, locks, a disk that comes back."""
    try:
        yield
    except sqlite3.NotSupportedError as wrong:
        raise ConfigError(f"{path}: {wrong}") from wrong
    except (sqlite3.Error, OSError) as problem:
        raise Unavailable(f"the bus file {path} cannot be used: {problem}") from problem
