"""Time, as an argument."""

from datetime import timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time. Tests pass one that stands still until told otherwise."""

    def now_unix_nano(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        ...

    def pause(self, duration: timedelta) -> None:
        """Let this thread do nothing for a while."""
        ...
