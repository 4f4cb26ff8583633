"""Flat records: what filters see and agents get. One per log record, span or metric point."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

Record = dict[str, Any]
"""A flat record as JSON would hold it; its fields are those of the contract's section 1."""

Signal = Literal["logs", "traces", "metrics"]
SIGNALS: tuple[Signal, ...] = ("logs", "traces", "metrics")


def timestamp(unix_nano: int) -> str:
    """RFC 3339 in UTC, with as many fraction digits as the nanoseconds need and no more."""
    digits = str(unix_nano).zfill(10)
    text = f"{_second(digits[:-9])}{digits[-9:]}Z"
    return text if digits[-1] != "0" else text[:-1].rstrip("0").rstrip(".") + "Z"


@lru_cache(maxsize=4096)
def _second(second: str) -> str:
    """A second, up to the point before its fraction. Neighbouring records share it, so it is worth remembering."""
    return datetime.fromtimestamp(int(second), UTC).strftime("%Y-%m-%dT%H:%M:%S.")
