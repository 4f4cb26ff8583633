"""FakeClock: the Clock port, standing still until a test moves it.

clock = FakeClock()
clock.advance(timedelta(seconds=30))
clock.advance(seconds=30)               # the same
"""

from datetime import timedelta
from threading import Lock

START_UNIX_NANO = 1_700_000_000 * 1_000_000_000
"""2023-11-14T22:13:20Z."""


class FakeClock:
    def __init__(self, start_unix_nano: int = START_UNIX_NANO) -> None:
        self._now = start_unix_nano
        self._lock = Lock()

    def now_unix_nano(self) -> int:
        return self._now

    def pause(self, duration: timedelta) -> None:
        """Costs a test nothing."""

    def advance(self, duration: timedelta | None = None, **units: float) -> None:
        """Move on by `duration`, or by `timedelta(**units)`."""
        step = timedelta(**units) if duration is None else duration
        with self._lock:
            self._now += step // timedelta(microseconds=1) * 1000
