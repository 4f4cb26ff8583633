"""Time, as an argument."""

from typing import Protocol


class Clock(Protocol):
    """Wall-clock time. Tests pass one that stands still until told otherwise."""

    def now_unix_nano(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        ...
