"""Sample: a few of the records that a project sent last, kept for a day, to try expressions on.

Off the hot path: one look at a dictionary for each request. Who sends little has every request in the sample at
once; who sends much has it renewed by the first requests of each half minute.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import Any

import orjson
from cachetools import LRUCache

from headrace import events
from headrace.errors import HeadraceError
from headrace.intake.wire import items
from headrace.observability import warn
from headrace.ports.records import Signal
from headrace.ports.table import Table
from headrace.times import SECOND_NANO, expiry

RECORDS, BYTES = 10, 32 * 1024
WRITES = 10
"""Of one sample in one window."""
_WINDOW_NANO = 30 * SECOND_NANO
_KEPT = timedelta(days=1)
_WINDOWS, _TEXTS = 10_000, 500
"""Projects and signals that are remembered: when they sent, and what."""


@dataclass(slots=True)
class _Window:
    """A half minute of one project and signal."""

    ends_unix_nano: int
    writes: int = 0


@dataclass(slots=True)
class Sampler:
    """Decides when it is time for a new sample; one in a process. May be used from many threads."""

    _windows: LRUCache[tuple[str, Signal], _Window] = field(default_factory=lambda: LRUCache(_WINDOWS))
    _texts: LRUCache[tuple[str, Signal], list[bytes]] = field(default_factory=lambda: LRUCache(_TEXTS))
    """The records of the last samples as JSON, which the next requests add to."""
    _lock: Lock = field(default_factory=Lock)

    def offer(
        self,
        project_id: str,
        signal: Signal,
        last_records: Callable[[], Sequence[Any]],
        telemetry: Table,
        now_unix_nano: int,
    ) -> None:
        """Keep the last records (dicts, which may hold JSON that is written already), if it is time.

        What cannot be kept now goes into the next sample, if there is one: nobody waits for it.
        """
        place = (project_id, signal)
        with self._lock:
            if not self._is_time(place, now_unix_nano):
                return
            texts = self._texts[place] = _last([*self._texts.get(place, ()), *map(orjson.dumps, last_records())])
        expires = expiry(now_unix_nano, _KEPT)
        try:
            telemetry.put(items.encode_sample(project_id, signal, f"[{b','.join(texts).decode()}]", expires))
        except HeadraceError as problem:
            warn(events.SampleNotKept(project_id=project_id, reason=str(problem)))

    def _is_time(self, place: tuple[str, Signal], now_unix_nano: int) -> bool:
        window = self._windows.get(place)
        if window is None or now_unix_nano >= window.ends_unix_nano:
            window = self._windows[place] = _Window(now_unix_nano + _WINDOW_NANO)
        window.writes += 1
        return window.writes <= WRITES


def _last(texts: Sequence[bytes]) -> list[bytes]:
    """The last of the records within the bounds; one that is too large by itself is passed over."""
    left = BYTES - len("[]")
    found: list[bytes] = []
    for text in reversed(texts):
        if len(found) < RECORDS and len(text) + 1 <= left:
            found.append(text)
            left -= len(text) + 1
    return found[::-1]
