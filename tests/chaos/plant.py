"""What a run needs of an engine under test."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.history import Dead
from tests.chaos.schedule import Fault

Pause = Callable[[float], object]
"""Waits so many seconds, less when the run is interrupted."""

Action = Callable[[Fault], None]
"""Does what a fault says and mends it again."""

BATCH = {"batch_size": 500, "timeout_seconds": 5}


@dataclass(frozen=True)
class Plant:
    """What a run needs of an engine."""

    addresses: Sequence[str]
    headers: dict[str, str]
    targets: dict[str, list[tuple[str, Action]]]
    """By the kind of fault: whom it can hit."""
    in_flight: Callable[[], int]
    """Messages that wait or are being worked on."""
    dead_letters: Callable[[], Iterator[Dead]]
    errors: Callable[[], Sequence[Any]]
    """What the processes logged as an error."""
    spared: frozenset[str] = frozenset()
    """Kinds of faults that cannot be had here."""
