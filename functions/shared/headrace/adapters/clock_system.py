"""The machine's clock."""

import time


class SystemClock:
    """See `ports.clock.Clock`."""

    def now_unix_nano(self) -> int:
        """See `Clock.now_unix_nano`."""
        return time.time_ns()
