"""Flat records: what filters see and agents get. One per log record, span or metric point."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

Record = dict[str, Any]
"""A flat record as JSON would hold it; its fields are those of the contract's section 1."""

Signal = Literal["logs", "traces", "metrics"]
SIGNALS: tuple[Signal, ...] = ("logs", "traces", "metrics")

_SECOND_NANO = 1_000_000_000


def timestamp(unix_nano: int) -> str:
    """RFC 3339 in UTC, with as many fraction digits as the nanoseconds need and no more."""
    second, nano = divmod(unix_nano, _SECOND_NANO)
    if not nano:
        return _second(second) + "Z"
    return f"{_second(second)}.{nano:09d}".rstrip("0") + "Z"


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    """Neighbouring records share their second, so formatting it is worth remembering."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
