"""Times: nanoseconds since 1970, as OTLP counts them, seconds where tables expire, and texts for people."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND_NANO = 1_000_000_000


def nanoseconds(duration: timedelta) -> int:
    """A duration in whole nanoseconds; timedelta knows microseconds."""
    return duration // timedelta(microseconds=1) * 1_000


def unix_seconds(unix_nano: int) -> int:
    """Whole seconds since 1970."""
    return unix_nano // SECOND_NANO


def expiry(now_unix_nano: int, kept: timedelta) -> int:
    """`expires_at` of an item that is kept for so long: whole seconds since 1970."""
    return unix_seconds(now_unix_nano) + kept // timedelta(seconds=1)


def timestamp(unix_nano: int) -> str:
    """RFC 3339 in UTC, with as many fraction digits as the nanoseconds need and no more."""
    digits = str(unix_nano).zfill(10)
    text = f"{_second(digits[:-9])}{digits[-9:]}Z"
    return text if digits[-1] != "0" else text[:-1].rstrip("0").rstrip(".") + "Z"


@lru_cache(maxsize=4096)
def _second(second: str) -> str:
    """A second, up to the point before its fraction. Neighbouring records share it, so it is worth remembering."""
    return datetime.fromtimestamp(int(second), UTC).strftime("%Y-%m-%dT%H:%M:%S.")
