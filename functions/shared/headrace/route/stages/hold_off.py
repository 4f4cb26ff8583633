"""Hold off: sinks that gave no answer lately are tried one output at a time, so that their silence delays no others.

A request that hangs keeps the whole event waiting until its time limit. What is known here is known to this process
only, and costs nothing while all is well.
"""

from datetime import timedelta
from threading import Lock

from headrace.times import nanoseconds


class HoldOff:
    """May be used from many threads at once."""

    def __init__(self) -> None:
        self._until: dict[str, int] = {}
        self._lock = Lock()

    def may_try(self, sink_id: str, now_unix_nano: int, timeout: timedelta) -> bool:
        """Whether an output may be tried now. Of a silent sink one may, and while it is on its way no other."""
        if sink_id not in self._until:
            return True
        with self._lock:
            if now_unix_nano < self._until.get(sink_id, 0):
                return False
            self._until[sink_id] = now_unix_nano + nanoseconds(timeout)
            return True

    def was_silent(self, sink_id: str, now_unix_nano: int, pause: timedelta) -> None:
        """The sink gave no answer: leave it alone for a while."""
        with self._lock:
            self._until[sink_id] = now_unix_nano + nanoseconds(pause)

    def answered(self, sink_id: str) -> None:
        """The sink gave an answer, whatever it was."""
        if sink_id in self._until:
            with self._lock:
                self._until.pop(sink_id, None)
