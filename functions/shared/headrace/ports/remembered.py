"""What is read over and over, remembered for a while."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Lock
from typing import Generic, TypeVar

from cachetools import TTLCache

from headrace.ports.clock import Clock

Value = TypeVar("Value")

_ENTRIES = 10_000
"""The oldest make room, so that guessing keys does not fill the memory."""


class Remembered(Generic[Value]):
    """Calls `read` for a key that is not remembered. May be called from many threads; raises what `read` does."""

    def __init__(self, read: Callable[[str], Value], ttl: timedelta, clock: Clock) -> None:
        self._read = read
        self._lock = Lock()
        self._cache: TTLCache[str, Value] = TTLCache(
            _ENTRIES, ttl.total_seconds(), timer=lambda: clock.now_unix_nano() / 1e9
        )

    def __call__(self, key: str) -> Value:
        """What was read for `key`, now or not long ago."""
        with self._lock, suppress(KeyError):  # not `in` first: it may expire between the two
            return self._cache[key]
        value = self._read(key)
        with self._lock:
            self._cache[key] = value
        return value

    def forget(self, key: str) -> None:
        """Read it anew the next time."""
        with self._lock:
            self._cache.pop(key, None)
