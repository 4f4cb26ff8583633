"""Back-off of optimistic writes, which hold only as long as nobody else has changed what they are about.

backoff = Backoff(clock, "the project")
while True:
item = table.get(...)
try:
return table.put(changed(item), condition=unchanged(item))
except Conflict:
backoff.wait()
"""

from datetime import timedelta
from random import uniform

from headrace.errors import Unavailable
from headrace.ports.clock import Clock

_ATTEMPTS = 20
"""Each of them was overtaken by somebody else's change that did happen."""
_PAUSE, _LONGEST_PAUSE = timedelta(milliseconds=5), timedelta(milliseconds=200)


class Backoff:
    """Pauses that grow and are random, so that those who met part.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ (full jitter).
    """

    def __init__(self, clock: Clock, what: str) -> None:
        self._clock, self._what = clock, what
        self._attempts = 0

    def wait(self) -> None:
        """Pause before another attempt.

        Raises:
            Unavailable: there were enough of them.
        """
        self._attempts += 1
        if self._attempts == _ATTEMPTS:
            raise Unavailable(f"others are changing {self._what} all the time")
        longest = min(_LONGEST_PAUSE, _PAUSE * 2**self._attempts)
        self._clock.pause(longest * uniform(0, 1))  # noqa: S311 - nobody gains by guessing it
