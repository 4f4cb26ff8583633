"""Pace: when a message may go where only one a second is taken, as at a webhook of Slack.

The generic cell rate algorithm (ITU-T I.371), and beside it a queue of turns: who has to wait is told for how long,
so that many who wait come back one after the other and not all at once.
"""

from dataclasses import dataclass
from datetime import timedelta

_INTERVAL_MS = 1000
_EARLY_MS = 250
"""How much too early one who has waited may be: clocks and queues are not exact. It changes nothing on the average."""
_LONGEST_WAIT_MS = 14 * 60 * 1000
"""Turns are given out no further ahead: who cannot have one before asks again then."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Where one webhook stands; times in milliseconds since 1970."""

    free_ms: int = 0
    """From then on the next message may go."""
    queued_ms: int = 0
    """Until then all turns are given out."""


def take_turn(pace: Pace, now_ms: int, *, waited: bool) -> tuple[Pace, timedelta]:
    """The pace after a message asked for its turn, and how long it has to wait for it; zero: it goes now.

    `waited`: it was told to wait before, so it does not stand behind those who wait.
    """
    early_ms = _EARLY_MS if waited else 0
    if now_ms >= pace.free_ms - early_ms and (waited or pace.queued_ms <= now_ms):
        free_ms = max(pace.free_ms, now_ms) + _INTERVAL_MS
        return Pace(free_ms, max(pace.queued_ms, free_ms)), timedelta(0)
    turn_ms = max(pace.queued_ms, pace.free_ms, now_ms)
    wait_ms = turn_ms - now_ms
    if wait_ms > _LONGEST_WAIT_MS:
        return pace, timedelta(milliseconds=_LONGEST_WAIT_MS)
    return Pace(pace.free_ms, turn_ms + _INTERVAL_MS), timedelta(milliseconds=wait_ms)


def hold(pace: Pace, until_ms: int) -> Pace:
    """The pace after the webhook said that it takes nothing until then."""
    return Pace(max(pace.free_ms, until_ms), max(pace.queued_ms, until_ms))
