"""When a span ran: RFC 3339 times of flat records as nanoseconds since 1970."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from headrace.ports.records import Record

_LONGEST_NANO = 10 * 366 * 86_400 * 1_000_000_000


def read_times(record: Record) -> tuple[int, int | None, list[str]]:
    """Start, duration and what is odd about them."""
    oddities: list[str] = []
    started, ended = record.get("timestamp"), record.get("endTimestamp")
    start = unix_nano(started)
    if start is None or start < 0:
        oddities.append("its start is no time since 1970")
        start = 0
    if ended is None:
        return start, None, oddities
    duration = record.get("durationNano")
    if type(duration) is not int or not 0 <= duration < _LONGEST_NANO:
        oddities.append("its duration makes no sense")
        duration = 0
    elif not duration and ended != started and (unix_nano(ended) or 0) < start:
        oddities.append("it ended before it started")
    return start, duration, oddities


def unix_nano(stamp: Any) -> int | None:
    """Nanoseconds since 1970 of an RFC 3339 time in UTC as `ports.records.timestamp` writes it; None if it is none."""
    if type(stamp) is not str or len(stamp) < 20 or stamp[-1] != "Z":
        return None
    second = _second(stamp[:19])
    if second is None:
        return None
    fraction = stamp[20:-1]
    if not fraction:
        return second
    return second + int(fraction.ljust(9, "0")[:9]) if fraction.isdecimal() and fraction.isascii() else None


@lru_cache(maxsize=4096)
def _second(second: str) -> int | None:
    try:
        return int(datetime.fromisoformat(second).replace(tzinfo=UTC).timestamp()) * 1_000_000_000
    except ValueError:
        return None
