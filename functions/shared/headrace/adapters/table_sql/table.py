"""SqlTable: the Table port as SQL statements. See `ports/table` for what each method promises."""

import threading
from collections.abc import Container, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from headrace.adapters.table_sql.codec import decode_row, encode_row
from headrace.adapters.table_sql.engine import Database, acquire, parse_url, release
from headrace.adapters.table_sql.schema import LOGICAL_TABLES, PageShape, Statements, among_keys, table_of
from headrace.errors import ConfigError
from headrace.ports.clock import Clock
from headrace.ports.table import ANY, Condition, Delete, Item, Page, Put, Range, Update
from headrace.ports.table_ranges import Bounds, bounds_of, decode_cursor, encode_cursor, position_of
from headrace.ports.table_rules import Key, Write, check_keys, check_limit, check_writes, key_of, outcome
from headrace.times import unix_seconds

_Row = sa.RowMapping

_LOCK_TIMEOUT = timedelta(seconds=5)


def migrate(url: str) -> list[str]:
    """Bring the schema of the database at `url` to what this program needs; the names of the steps that it took.

    Raises:
        ConfigError: the URL cannot be used.
        Unavailable: the database does not answer.
    """
    parsed, patience = parse_url(url), timedelta(minutes=10)
    try:
        return [f"{each.version} {each.name}" for each in acquire(parsed, patience).migrate()]
    finally:
        release(parsed, patience)


def check_schema(url: str) -> None:
    """Return when the schema is fit; see `engine.Database.ready` for what it raises."""
    parsed, patience = parse_url(url), _LOCK_TIMEOUT
    try:
        acquire(parsed, patience).ready()
    finally:
        release(parsed, patience)


class SqlTable:
    """The logical table `name`, "config" or "telemetry", in the database at `url`; any number of threads.

    Nothing is opened before the first call. A write that waits for others longer than `lock_timeout` is
    Unavailable. All tables of a process on the same `url` share one pool of connections.
    """

    def __init__(self, url: str, name: str, clock: Clock, *, lock_timeout: timedelta = _LOCK_TIMEOUT) -> None:
        """`url` is `sqlite:///path` or `postgresql://user:password@host/database`.

        Raises:
            ConfigError: the URL or the name cannot be used.
        """
        if name not in LOGICAL_TABLES:
            raise ConfigError(f"{name!r} is none of the tables {', '.join(LOGICAL_TABLES)}")
        self._url = parse_url(url)
        self._clock = clock
        self._lock_timeout = lock_timeout
        self._table = table_of(name)
        self._opening = threading.Lock()
        self._opened: tuple[Database, Statements] | None = None

    def get(self, pk: str, sk: str) -> Item | None:
        """See Table.get."""
        check_keys([(pk, sk)])
        database, sql = self._opened or self._open()
        row = database.read(lambda c: c.execute(sql.one, {"pk": pk, "sk": sk}).mappings().first())
        return self._alive(row)

    def batch_get(self, keys: Sequence[tuple[str, str]]) -> list[Item]:
        """See Table.batch_get."""
        check_keys(keys)
        if not keys:
            return []
        database, sql = self._opened or self._open()
        rows = database.read(lambda c: c.execute(sql.some, among_keys(keys)).mappings().all())
        return [item for item in map(self._alive, rows) if item is not None]

    def put(self, item: Item, condition: Condition = ANY) -> None:
        """See Table.put."""
        write = Put(item, condition)
        check_writes([write])
        if condition != ANY:
            self._write([write])
            return
        database, sql = self._opened or self._open()
        database.write_one(sql.upsert, encode_row(item))

    def update(self, change: Update) -> Item:
        """See Table.update."""
        check_writes([change])
        (row,) = self._write([change])
        return decode_row(row)

    def delete(self, pk: str, sk: str, condition: Condition = ANY) -> None:
        """See Table.delete."""
        write = Delete(pk, sk, condition)
        check_writes([write])
        if condition != ANY:
            self._write([write])
            return
        database, sql = self._opened or self._open()
        database.write_one(sql.delete, {"pk": pk, "sk": sk})

    def query(
        self,
        range: Range,  # noqa: A002 - the port's word
        *,
        limit: int = 100,
        cursor: str | None = None,
        descending: bool = False,
        index: bool = False,
    ) -> Page:
        """See Table.query. Without a cursor left over the page is the last one."""
        check_limit(limit)
        bounds = bounds_of(range)
        after = None if cursor is None else decode_cursor(cursor, range.pk, index=index)
        if after is not None:
            bounds = bounds.narrowed(after[1], descending=descending)
        database, sql = self._opened or self._open()
        statement = sql.page(_shape(bounds, after, descending=descending, index=index))
        values = self._page_values(range.pk, bounds, after, limit)
        rows = database.read(lambda c: c.execute(statement, values).mappings().all())
        items = [decode_row(row) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(items, encode_cursor(position_of(items[-1], index=index)) if more else None)

    def transact(self, writes: Sequence[Put | Update | Delete]) -> None:
        """See Table.transact. No writes are done at once."""
        check_writes(writes)
        if writes:
            self._write(writes)

    def ping(self) -> None:
        """See Table.ping."""
        database, sql = self._opened or self._open()
        database.read(lambda c: c.execute(sql.ping).first())

    def purge(self, *, chunk: int = 500) -> int:
        """Remove the items that have expired by now, `chunk` rows at a time so that writers get in between.

        Returns how many there were. Reads do not need it: it gives back room.

        Raises:
            Unavailable: the engine is down; what was removed so far stays so.
        """
        database, sql = self._opened or self._open()
        values: dict[str, object] = {"now": self._now_s(), "chunk": chunk}
        removed = 0
        while done := database.write_one(sql.purge, values):
            removed += done
        return removed

    def close(self) -> None:
        """Give back the connections; a later call opens them again. May be repeated."""
        with self._opening:
            if self._opened is not None:
                self._opened = None
                release(self._url, self._lock_timeout)

    def _open(self) -> tuple[Database, Statements]:
        with self._opening:
            if self._opened is None:
                database = acquire(self._url, self._lock_timeout)
                try:
                    database.ready()
                except BaseException:
                    release(self._url, self._lock_timeout)
                    raise
                self._opened = database, Statements(self._table, database.dialect)
            return self._opened

    def _write(self, writes: Sequence[Write]) -> list[dict[str, Any]]:
        """The rows after `writes`, without those that are gone."""
        database, sql = self._opened or self._open()
        return database.write(lambda connection: self._apply(connection, sql, writes))

    def _apply(self, connection: sa.Connection, sql: Statements, writes: Sequence[Write]) -> list[dict[str, Any]]:
        # In the order of keys, like the locks: two transactions that insert the same items do not deadlock.
        ordered = sorted(writes, key=key_of)
        stored = _lock(connection, sql, [key_of(write) for write in ordered])
        after = {key_of(w): outcome(w, self._alive(stored.get(key_of(w)))) for w in ordered}
        rows = [encode_row(item) for item in after.values() if item is not None]
        _store(connection, sql, rows, stored)
        gone = [{"pk": pk, "sk": sk} for (pk, sk), item in after.items() if item is None and (pk, sk) in stored]
        if gone:
            connection.execute(sql.delete, gone)
        return rows

    def _alive(self, row: _Row | None) -> Item | None:
        if row is None or (row["expires_at"] is not None and row["expires_at"] <= self._now_s()):
            return None
        return decode_row(row)

    def _now_s(self) -> int:
        return unix_seconds(self._clock.now_unix_nano())

    def _page_values(self, pk: str, bounds: Bounds, after: list[str] | None, limit: int) -> dict[str, Any]:
        values = {"of": pk, "low": bounds.low, "now": self._now_s(), "rows": limit + 1}
        if bounds.high is not None:
            values["high"] = bounds.high
        if after is not None:
            values |= dict(zip(("after_sort", "after_pk", "after_sk"), after[1:], strict=False))
        return values


def _shape(bounds: Bounds, after: list[str] | None, *, descending: bool, index: bool) -> PageShape:
    return PageShape(
        index=index,
        descending=descending,
        resumed=after is not None,
        has_high=bounds.high is not None,
        high_included=bounds.high_included,
    )


def _lock(connection: sa.Connection, sql: Statements, keys: list[Key]) -> dict[Key, _Row]:
    """The rows under `keys`, expired ones too, which nobody else can change until the transaction ends."""
    if len(keys) == 1:
        result = connection.execute(sql.one_locked, {"pk": keys[0][0], "sk": keys[0][1]})
    else:
        result = connection.execute(sql.some_locked, among_keys(keys))
    return {(row["pk"], row["sk"]): row for row in result.mappings()}


def _store(connection: sa.Connection, sql: Statements, rows: list[dict[str, Any]], stored: Container[Key]) -> None:
    """Without a row an INSERT, never an upsert: another's row must be noticed, not overwritten."""
    new = [row for row in rows if (row["pk"], row["sk"]) not in stored]
    changed = [row | {"of_pk": row["pk"], "of_sk": row["sk"]} for row in rows if (row["pk"], row["sk"]) in stored]
    if new:
        connection.execute(sql.insert, new)
    if changed:
        connection.execute(sql.update, changed)
