"""Verdicts: what filters have said of records, remembered by what the filter reads of them.

A tame filter is a function of what is under its paths, so it need not be asked twice for the same. Remembered are
"kept", "filtered" and a failure with its text; never what time, memory or an engine that could not be had decided.
"""

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from cachetools import LRUCache

from headrace.ports.program import Outcome
from headrace.ports.records import Signal

_FILTERS = 256
"""Filters of projects, for one signal each."""
_ENTRIES = 4096
"""Of one filter. When they are full they start anew: with keys that never repeat that costs least."""
_KEY_BYTES = 256
"""Larger keys hardly repeat."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Whether the record is kept; `error` when the filter failed on it."""

    kept: bool
    error: str | None = None


Own = dict[Any, Verdict]
"""Verdicts by what is a record's own in its key; see `intake.wire.reading`. It only grows."""


@dataclass(slots=True)
class Filter:
    """What is remembered of one filter, by what the records of a group share."""

    groups: dict[bytes, Own] = field(default_factory=dict)
    entries: int = 0


@dataclass(slots=True)
class Verdicts:
    """One in a process; may be used from many threads."""

    _filters: LRUCache[tuple[Signal, str], Filter] = field(default_factory=lambda: LRUCache(_FILTERS))
    _lock: Lock = field(default_factory=Lock)

    def of(self, signal: Signal, expression: str) -> Filter:
        """What is remembered of a filter. To be read; `learn` adds to it."""
        with self._lock:
            known = self._filters.get((signal, expression))
            if known is None:
                known = self._filters[signal, expression] = Filter()
            return known

    def learn(self, known: Filter, shared: bytes, own: Any, outcome: Outcome) -> Verdict:
        """The verdict of an outcome; one that will hold the next time too is remembered in `known`."""
        verdict = Verdict(outcome.kept, outcome.error)
        if outcome.certain and len(shared) + _size(own) <= _KEY_BYTES:
            with self._lock:
                if known.entries >= _ENTRIES:
                    known.groups.clear()
                    known.entries = 0
                known.groups.setdefault(shared, {})[own] = verdict
                known.entries += 1
        return verdict


def _size(part: Any) -> int:
    if isinstance(part, tuple):
        return sum(map(_size, part))
    return 4 * len(part) if isinstance(part, str) else len(part) if isinstance(part, bytes) else 8
