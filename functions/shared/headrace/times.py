"""Times: nanoseconds since 1970, as OTLP counts them, and how they are written for people."""

from datetime import UTC, datetime
from functools import lru_cache


def timestamp(unix_nano: int) -> str:
    """RFC 3339 in UTC, with as many fraction digits as the nanoseconds need and no more."""
    digits = str(unix_nano).zfill(10)
    text = f"{_second(digits[:-9])}{digits[-9:]}Z"
    return text if digits[-1] != "0" else text[:-1].rstrip("0").rstrip(".") + "Z"


@lru_cache(maxsize=4096)
def _second(second: str) -> str:
    """A second, up to the point before its fraction. Neighbouring records share it, so it is worth remembering."""
    return datetime.fromtimestamp(int(second), UTC).strftime("%Y-%m-%dT%H:%M:%S.")
