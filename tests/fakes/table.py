"""FakeTable: the Table port in memory, for tests of what stands above it.

It keeps the whole contract (`tests/contract/table_suite.py`), limits and key order included, is safe for any
number of threads, and forgets everything with the object. Beside the port it offers `items`, to look at what
a test has stored, and `outage`, to see what happens when the engine is down:

    table = FakeTable(clock)
    table.outage = Unavailable("down")      # every call raises it until it is None again
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from headrace.errors import HeadraceError
from headrace.ports.clock import Clock
from headrace.ports.table import ANY, Condition, Delete, Item, Page, Put, Range, Update
from headrace.ports.table_ranges import bounds_of, decode_cursor, encode_cursor, position_of
from headrace.ports.table_rules import check_keys, check_limit, check_writes, key_of, outcome


class FakeTable:
    def __init__(self, clock: Clock) -> None:
        self.outage: HeadraceError | None = None
        self._clock = clock
        self._stored: dict[tuple[str, str], Item] = {}
        self._lock = threading.RLock()

    @property
    def items(self) -> list[Item]:
        """Copies of all items that have not expired, in the order of their keys."""
        with self._lock:
            return [_copy(item) for _, item in sorted(self._stored.items()) if self._is_alive(item)]

    def get(self, pk: str, sk: str) -> Item | None:
        found = self.batch_get([(pk, sk)])
        return found[0] if found else None

    def batch_get(self, keys: Sequence[tuple[str, str]]) -> list[Item]:
        check_keys(keys)
        with self._reached():
            alive = [self._alive(key) for key in dict.fromkeys(keys)]
            return [_copy(item) for item in alive if item is not None]

    def put(self, item: Item, condition: Condition = ANY) -> None:
        self.transact([Put(item, condition)])

    def update(self, change: Update) -> Item:
        with self._reached():
            self.transact([change])
            return _copy(self._stored[change.pk, change.sk])

    def delete(self, pk: str, sk: str, condition: Condition = ANY) -> None:
        self.transact([Delete(pk, sk, condition)])

    def query(
        self,
        range: Range,  # noqa: A002 - the port's word
        *,
        limit: int = 100,
        cursor: str | None = None,
        descending: bool = False,
        index: bool = False,
    ) -> Page:
        check_limit(limit)
        bounds = bounds_of(range)
        after = None if cursor is None else decode_cursor(cursor, range.pk, index=index)
        with self._reached():
            places = {
                tuple(position_of(item, index=index)): item
                for item in self._stored.values()
                if self._is_alive(item) and _is_listed(item, index=index)
            }
        wanted = sorted(
            (place for place in places if place[0] == range.pk and bounds.contain(place[1])),
            reverse=descending,
        )
        if after is not None:
            wanted = [p for p in wanted if (p < tuple(after) if descending else p > tuple(after))]
        page = [_copy(places[place]) for place in wanted[:limit]]
        more = len(wanted) > limit
        return Page(page, encode_cursor(wanted[limit - 1]) if more else None)

    def transact(self, writes: Sequence[Put | Update | Delete]) -> None:
        check_writes(writes)
        with self._reached():
            after = [(key_of(write), outcome(write, self._alive(key_of(write)))) for write in writes]
            for key, item in after:
                if item is None:
                    self._stored.pop(key, None)
                else:
                    self._stored[key] = _copy(item)

    def ping(self) -> None:
        with self._reached():
            return

    @contextmanager
    def _reached(self) -> Iterator[None]:
        with self._lock:
            if self.outage is not None:
                raise self.outage
            yield

    def _alive(self, key: tuple[str, str]) -> Item | None:
        item = self._stored.get(key)
        return item if item is not None and self._is_alive(item) else None

    def _is_alive(self, item: Item) -> bool:
        return "expires_at" not in item or item["expires_at"] > self._clock.now_unix_nano() // 1_000_000_000


def _is_listed(item: Item, *, index: bool) -> bool:
    return not index or ("gsi_pk" in item and "gsi_sk" in item)


def _copy(item: Item) -> Item:
    """Through JSON, so that what comes back is as plain as from any engine: no tuple, no subclass."""
    return {name: value if isinstance(value, bytes) else _plain(value) for name, value in item.items()}


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))
