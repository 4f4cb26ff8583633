"""The machine's clock."""

import time
from datetime import timedelta


class SystemClock:
    """See `ports.clock.Clock`."""

    def now_unix_nano(self) -> int:
        """See `Clock.now_unix_nano`."""
        return time.time_ns()

    def pause(self, duration: timedelta) -> None:
        """See `Clock.pause`."""
        time.sleep(duration.total_seconds())
