"""Bus and Source on SQLite. What publishing promises is in `ports.bus`; how it is kept, in `file`."""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from threading import Event
from typing import Any
from uuid import uuid4

import orjson

from headrace.adapters.bus_sqlite.file import BusFile, Write
from headrace.errors import InvalidInput
from headrace.ports.bus import DeadLetter, DeadLetterPage, Due, Message, QueueStats, Received
from headrace.ports.clock import Clock
from headrace.times import nanoseconds

_DUE_COUNTED = 10
_CURSOR = re.compile("[0-9]{1,18}")
_LONGEST_BACK_OFF = timedelta(minutes=5)

_INSERT = "INSERT INTO messages (message_id, queue, body, attributes, sent, due) VALUES (?, ?, ?, ?, ?, ?)"
_BURY = (
    "INSERT INTO dead_letters (message_id, queue, body, attributes, reason, receive_count, dead)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_CLAIM = (
    "UPDATE messages SET due = ?, receive_count = receive_count + 1, receipt = ? WHERE id IN"
    " (SELECT id FROM messages WHERE queue = ? AND due <= ? ORDER BY due, id LIMIT ?)"
    " RETURNING id, message_id, body, attributes, receive_count, sent"
)
# Found among those that were received before, which are few however deep the queue is.
_GIVE_UP = (
    "DELETE FROM messages INDEXED BY messages_received"
    " WHERE queue = ? AND due <= ? AND receive_count >= ? AND receive_count > 0"
    " RETURNING message_id, queue, body, attributes, receive_count"
)
# The queues that have messages, one index look-up each, however many messages they hold
# (https://www.sqlite.org/lang_with.html: a loose index scan by recursion).
_DUE = (
    "WITH RECURSIVE q(queue) AS (SELECT MIN(queue) FROM messages UNION ALL"
    " SELECT (SELECT MIN(queue) FROM messages WHERE queue > q.queue) FROM q WHERE q.queue IS NOT NULL)"
    " SELECT queue,"
    " (SELECT COUNT(*) FROM (SELECT 1 FROM messages m WHERE m.queue = q.queue AND m.due <= ?1 LIMIT ?2)),"
    " (SELECT MIN(due) FROM messages m WHERE m.queue = q.queue)"
    " FROM q WHERE queue IS NOT NULL"
)


class SqliteBus:
    """The bus in one file. Leases and delays follow `clock`; `receive_limit` deliveries, then a dead letter."""

    def __init__(self, path: Path, clock: Clock, *, receive_limit: int) -> None:
        self._file = BusFile(path)
        self._clock = clock
        self._receive_limit = receive_limit
        self._news = Event()

    # --- publishing -------------------------------------------------------------------------------------

    def publish(self, queue: str, messages: Sequence[Message], *, delay: timedelta = timedelta(0)) -> list[str]:
        """See `Bus.publish`."""
        now = self._clock.now_unix_nano()
        ids = [str(uuid4()) for _ in messages]
        rows = [
            (message_id, queue, message.body, _encode(message.attributes), now, now + nanoseconds(delay))
            for message_id, message in zip(ids, messages, strict=True)
        ]
        self._file.write(_for_each(_INSERT, rows), durable=True)
        self.wake()
        return ids

    def retry_later(self, messages: Sequence[Received], delay: timedelta) -> None:
        """See `Bus.retry_later`."""
        self._give_back(messages, self._clock.now_unix_nano() + nanoseconds(delay))

    def dead_letter(self, queue: str, messages: Sequence[Message], reason: str) -> None:
        """See `Bus.dead_letter`."""
        now = self._clock.now_unix_nano()
        rows = [(str(uuid4()), queue, each.body, _encode(each.attributes), reason, 0, now) for each in messages]
        self._file.write(_for_each(_BURY, rows), durable=True)

    # --- looking and mending ----------------------------------------------------------------------------

    def stats(self, queue: str) -> QueueStats:
        """See `Bus.stats`."""
        sql = (
            "SELECT COUNT(*), COALESCE(SUM(receipt IS NOT NULL AND due > ?), 0),"
            " (SELECT COUNT(*) FROM dead_letters WHERE queue = ?) FROM messages WHERE queue = ?"
        )
        ((all_, in_flight, dead),) = self._file.read(sql, self._clock.now_unix_nano(), queue, queue)
        return QueueStats(depth=all_ - in_flight, in_flight=in_flight, dead_letters=dead)

    def dead_letters(self, queue: str, *, limit: int = 50, cursor: str | None = None) -> DeadLetterPage:
        """See `Bus.dead_letters`."""
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise InvalidInput("the cursor is not one that was given out here", field="cursor")
        sql = (
            "SELECT id, message_id, body, attributes, reason, receive_count, dead FROM dead_letters"
            " WHERE queue = ? AND id > ? ORDER BY id LIMIT ?"
        )
        rows = self._file.read(sql, queue, int(cursor or 0), limit + 1)
        letters = [DeadLetter(row[1], row[2], _decode(row[3]), *row[4:]) for row in rows[:limit]]
        return DeadLetterPage(letters, str(rows[limit - 1][0]) if len(rows) > limit else None)

    def redrive(self, queue: str, ids: Sequence[str] | None = None) -> int:
        """See `Bus.redrive`."""
        now = self._clock.now_unix_nano()

        def move(file: sqlite3.Connection) -> int:
            where, parameters = _named(queue, ids)
            sql = f"DELETE FROM dead_letters WHERE {where} RETURNING message_id, body, attributes"  # noqa: S608
            rows = file.execute(sql, parameters).fetchall()
            file.executemany(_INSERT, [(row[0], queue, row[1], row[2], now, now) for row in rows])
            return len(rows)

        moved = self._file.write(move, durable=True)
        self.wake()
        return moved

    def discard(self, queue: str, ids: Sequence[str] | None = None) -> int:
        """See `Bus.discard`."""
        where, parameters = _named(queue, ids)
        sql = f"DELETE FROM dead_letters WHERE {where}"  # noqa: S608 - made of constants and placeholders
        return self._file.write(lambda file: file.execute(sql, parameters).rowcount, durable=True)

    def ping(self) -> None:
        """See `Bus.ping`."""
        self._file.read("SELECT 1")

    def close(self) -> None:
        """Let the file go; the bus opens it again when it is used again."""
        self._file.close()

    # --- consuming (Source) -----------------------------------------------------------------------------

    def receive(self, queue: str, *, limit: int, lease: timedelta) -> list[Received]:
        """See `Source.receive`."""
        now, receipt = self._clock.now_unix_nano(), token_hex(8)

        def claim(file: sqlite3.Connection) -> list[tuple[int, str, str, str, int, int]]:
            reason = f"delivered {self._receive_limit} times without being dealt with"
            given_up = file.execute(_GIVE_UP, (queue, now, self._receive_limit)).fetchall()
            file.executemany(_BURY, [(*row[:4], reason, row[4], now) for row in given_up])
            return file.execute(_CLAIM, (now + nanoseconds(lease), receipt, queue, now, limit)).fetchall()

        rows = self._file.write(claim, durable=False)
        return [
            Received(message_id, queue, body, _decode(attributes), count, f"{row_id}:{receipt}", sent)
            for row_id, message_id, body, attributes, count, sent in sorted(rows)
        ]

    def acknowledge(self, messages: Sequence[Received]) -> None:
        """See `Source.acknowledge`. Also after the lease: work that is done need not be done again."""
        rows = [(_row_id(message),) for message in messages]
        sql = "DELETE FROM messages WHERE id = ?"
        self._file.write(_for_each(sql, rows), durable=False)

    def release(self, messages: Sequence[Received]) -> None:
        """See `Source.release`. Without `retry_later` the wait doubles with each delivery, up to five minutes."""
        now = self._clock.now_unix_nano()
        for message in messages:
            wait = min(timedelta(seconds=2 ** min(message.receive_count - 1, 16)), _LONGEST_BACK_OFF)
            self._give_back([message], now + nanoseconds(wait))

    def extend(self, messages: Sequence[Received], lease: timedelta) -> None:
        """See `Source.extend`."""
        due = self._clock.now_unix_nano() + nanoseconds(lease)
        rows = [(due, *_delivery(message)) for message in messages]
        sql = "UPDATE messages SET due = ? WHERE id = ? AND receipt = ?"
        self._file.write(_for_each(sql, rows), durable=False)

    def due(self) -> Mapping[str, Due]:
        """See `Source.due`."""
        rows = self._file.read(_DUE, self._clock.now_unix_nano(), _DUE_COUNTED)
        return {queue: Due(count, since) for queue, count, since in rows if count}

    def wait(self, timeout: timedelta) -> None:
        """See `Source.wait`. Other processes' messages are seen when the time is over."""
        self._news.wait(timeout.total_seconds())
        self._news.clear()

    def wake(self) -> None:
        """See `Source.wake`."""
        self._news.set()

    def _give_back(self, messages: Sequence[Received], due: int) -> None:
        """Only a delivery that still holds its lease gives back; a second call for the same one does nothing."""
        rows = [(due, *_delivery(message)) for message in messages]
        sql = "UPDATE messages SET due = ?, receipt = NULL WHERE id = ? AND receipt = ?"
        self._file.write(_for_each(sql, rows), durable=False)


def _for_each(sql: str, rows: Sequence[tuple[Any, ...]]) -> Write[None]:
    """Run `sql` for each row. Returns no cursor: its end on another thread would reset a statement that is in use."""

    def work(file: sqlite3.Connection) -> None:
        file.executemany(sql, rows)

    return work


def _named(queue: str, ids: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """The WHERE clause for some dead letters of a queue."""
    if ids is None:
        return "queue = ?", (queue,)
    return f"queue = ? AND message_id IN ({', '.join('?' * len(ids))})", (queue, *ids)


def _row_id(message: Received) -> int:
    return int(message.receipt.partition(":")[0])


def _delivery(message: Received) -> tuple[int, str]:
    return _row_id(message), message.receipt.partition(":")[2]


def _encode(attributes: Mapping[str, str]) -> str:
    return orjson.dumps(dict(attributes)).decode()


def _decode(attributes: str) -> dict[str, str]:
    decoded: dict[str, str] = orjson.loads(attributes)
    return decoded
