"""The one place where a test may look again and again: bounded, and it says what it waited for."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from tests.fakes.http import PATIENCE_SECONDS

Value = TypeVar("Value")

_LOOK_EVERY_SECONDS = 0.05


def wait_until(look: Callable[[], Value], what: str, *, within: float = PATIENCE_SECONDS) -> Value:
    """What `look` returns, as soon as that is true."""
    ends, never = time.monotonic() + within, Event()
    while not (found := look()):
        assert time.monotonic() < ends, f"waited {within} s in vain until {what}"
        never.wait(_LOOK_EVERY_SECONDS)
    return found
