"""What the adapters on SQLite files share: turning on the write-ahead log, when several processes begin at once."""

import sqlite3
import time


def use_write_ahead_log(connection: sqlite3.Connection, wait_s: float) -> None:
    """Once and for all, as the file keeps the mode.

    SQLite's own busy time-out does not cover this: who meets another that is about to do the same is refused at once.

    Raises:
        sqlite3.OperationalError: the file stayed locked for all of `wait_s`, or cannot be written.
    """
    deadline = time.monotonic() + wait_s
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
