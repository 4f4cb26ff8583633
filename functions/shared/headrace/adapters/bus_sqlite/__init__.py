"""The embedded bus: queues, dead letters and subscriptions in one SQLite file, shared by several processes."""

from headrace.adapters.bus_sqlite.bus import SqliteBus
from headrace.adapters.bus_sqlite.wiring import SqliteWiring

__all__ = ["SqliteBus", "SqliteWiring"]
