"""Wiring on the embedded engine: a subscription is a row, and the pump reads the rows."""

import sqlite3
from datetime import timedelta
from pathlib import Path

from headrace.adapters.bus_sqlite.file import BusFile
from headrace.ports.wiring import Subscription


class SqliteWiring:
    """See `ports.wiring.Wiring`."""

    def __init__(self, path: Path) -> None:
        self._file = BusFile(path)

    def reconcile(self, project_id: str, wanted: list[Subscription]) -> None:
        """See `Wiring.reconcile`. A queue that is no longer wanted goes with its messages and dead letters."""
        rows = [
            (
                each.queue,
                project_id,
                each.kind,
                each.batch_window // timedelta(milliseconds=1),
                each.max_concurrency,
                each.active,
            )
            for each in wanted
        ]
        keep = {each.queue for each in wanted}

        def change(file: sqlite3.Connection) -> None:
            sql = "SELECT queue FROM subscriptions WHERE project_id = ?"
            present = {queue for (queue,) in file.execute(sql, (project_id,))}
            for table in ("subscriptions", "messages", "dead_letters"):
                gone = [(queue,) for queue in present - keep]
                file.executemany(f"DELETE FROM {table} WHERE queue = ?", gone)  # noqa: S608 - our own names
            if not wanted:
                _remove_strays(file, project_id)
            file.executemany("INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?, ?, ?)", rows)

        self._file.write(change, durable=True)

    def subscriptions(self) -> list[Subscription]:
        """See `Wiring.subscriptions`."""
        sql = "SELECT queue, kind, batch_window_ms, max_concurrency, active FROM subscriptions"
        return [
            Subscription(queue, kind, timedelta(milliseconds=window), concurrency, bool(active))
            for queue, kind, window, concurrency, active in self._file.read(sql)
        ]

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


def _remove_strays(file: sqlite3.Connection, project_id: str) -> None:
    """Remove what was accepted for a project after its rows were gone, by functions that still remembered its keys.

    It is found by the names of the queues, which end with the project's id (`ports.queues`).
    """
    for table in ("messages", "dead_letters"):
        sql = f"DELETE FROM {table} WHERE substr(queue, -length(:ending)) = :ending"  # noqa: S608 - our own names
        file.execute(sql, {"ending": f"-{project_id}"})
