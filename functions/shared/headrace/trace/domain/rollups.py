"""Rollups: calls, errors and latencies of every service operation and dependency, per minute and hour.

Latencies are kept in a DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019, section 2): a duration falls into the bucket
ceil(log_gamma(duration)), so each quantile is right within 1 %, and sketches of any windows are merged by adding up
their buckets. Counters that only grow are all that has to be stored.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from headrace.times import unix_seconds

RELATIVE_ERROR = 0.01
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)

Side = Literal["operation", "dependency"]
Resolution = Literal["minute", "hour"]
LENGTH: dict[Resolution, timedelta] = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}

_NAME_CHARACTERS = 120
_OPERATIONS_AT_ONCE = 200
_OTHER = "(other)"
_VARIABLE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{12,}\b|[0-9]{2,}|(?<=[/_])[0-9]+(?=[/_]|$)", re.IGNORECASE
)
"""Ids in names: without cutting them out, each call would be an operation of its own."""


@dataclass(frozen=True, slots=True)
class Series:
    """What is counted together: one operation of a service, or one thing that it depends on, in one window."""

    service: str
    side: Side
    name: str
    resolution: Resolution
    start_unix_s: int


@dataclass(slots=True)
class Rollup:
    """Calls of one series."""

    calls: int = 0
    errors: int = 0
    buckets: Counter[int] = field(default_factory=Counter)
    """Calls by their bucket of duration in nanoseconds; those without a duration are in none."""

    def merge(self, other: "Rollup") -> None:
        """Add the calls of another."""
        self.calls += other.calls
        self.errors += other.errors
        self.buckets.update(other.buckets)


@dataclass(frozen=True, slots=True)
class Observation:
    """One span, as rollups see it."""

    service: str
    side: Side
    name: str
    started_unix_nano: int
    duration_nano: int | None
    failed: bool


def bucket_of(duration_nano: int) -> int:
    """The bucket of a duration; 0 holds everything up to a nanosecond."""
    return math.ceil(math.log(duration_nano) / _LOG_GAMMA) if duration_nano > 1 else 0


def quantile_ms(buckets: Mapping[int, int], quantile: float) -> float | None:
    """The duration in milliseconds that `quantile` (0 to 1) of the calls did not exceed; None without calls."""
    total = sum(buckets.values())
    if not total:
        return None
    rank, seen = quantile * (total - 1), 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen > rank:
            return 2 * _GAMMA**bucket / (_GAMMA + 1) / 1e6
    return None


def operation_name(name: str) -> str:
    """A span's name without ids and of bounded length."""
    return _VARIABLE.sub("*", name)[:_NAME_CHARACTERS] or "(unnamed)"


def roll_up(observations: Iterable[Observation]) -> dict[Series, Rollup]:
    """The series that `observations` add to. Names beyond a bound are counted together as "(other)"."""
    rollups: dict[Series, Rollup] = defaultdict(Rollup)
    names: set[tuple[str, Side, str]] = set()
    for each in observations:
        name = operation_name(each.name)
        key = (each.service, each.side, name)
        if key not in names and len(names) >= _OPERATIONS_AT_ONCE:
            name = _OTHER
        names.add((each.service, each.side, name))
        bucket = None if each.duration_nano is None else bucket_of(each.duration_nano)
        second = unix_seconds(each.started_unix_nano)
        for resolution, length in LENGTH.items():
            start = second - second % round(length.total_seconds())
            rollup = rollups[Series(each.service, each.side, name, resolution, start)]
            rollup.calls += 1
            rollup.errors += each.failed
            if bucket is not None:
                rollup.buckets[bucket] += 1
    return rollups
