"""Names that were seen, kept for lists: of agents and services, written once a day and process each."""

from collections.abc import Collection
from dataclasses import dataclass, field
from threading import Lock

from cachetools import LRUCache

from headrace.ports.table import Table
from headrace.trace.wire.run_items import key_part

_DAY_S = 86_400
_REMEMBERED = 10_000


@dataclass(slots=True)
class Names:
    """Remembers what it wrote; may be used from many threads."""

    _written: LRUCache[tuple[str, str, int], bool] = field(default_factory=lambda: LRUCache(_REMEMBERED))
    _lock: Lock = field(default_factory=Lock)

    def enter(self, pk: str, names: Collection[str], telemetry: Table, now_s: int, expires_at: int) -> None:
        """Write the items of `names` in partition `pk` that were not written today. Raises Unavailable."""
        for name in names:
            mark = (pk, name, now_s // _DAY_S)
            with self._lock:
                if mark in self._written:
                    continue
            telemetry.put({"pk": pk, "sk": key_part(name), "name": name, "expires_at": expires_at + _DAY_S})
            with self._lock:
                self._written[mark] = True
