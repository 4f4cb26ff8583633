"""What is made once in a process, however many threads are the first to ask for it. `bootstrap` is made of it."""

from collections.abc import Callable
from functools import cache, update_wrapper
from threading import RLock
from typing import Generic, ParamSpec, TypeVar

Asked = ParamSpec("Asked")
Made = TypeVar("Made")


class once(Generic[Asked, Made]):  # noqa: N801 - a decorator
    """`functools.cache`, which by itself calls a function for each thread that comes before the first is done.

    What one needs of another has to be without circles, for each waits under a lock of its own.
    """

    def __init__(self, make: Callable[Asked, Made]) -> None:
        self._cached = cache(make)
        self._lock = RLock()
        update_wrapper(self, make)

    def __call__(self, *args: Asked.args, **kwargs: Asked.kwargs) -> Made:
        """What was made for the same arguments, or is made now."""
        with self._lock:
            return self._cached(*args, **kwargs)  # type: ignore[arg-type]  # that they can be hashed is not said

    def cache_clear(self) -> None:
        """Let everything be made anew."""
        self._cached.cache_clear()
