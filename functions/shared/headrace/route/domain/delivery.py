"""What an answer to a delivery means, and when to try again. Contract sections 4 and 6."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Verdict = Literal["done", "retry", "refused", "gone"]

_RETRIED = frozenset({408, 429})
_GONE = 410

SINK_LADDER = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600))
AGENT_LADDER = tuple(timedelta(seconds=s) for s in (1, 3, 9, 27, 81))

SHORTEST_DELAY = timedelta(seconds=1)
"""Even when `Retry-After` says 0: a ladder should not be climbed in a moment."""

LONGEST_DELAY = timedelta(hours=12)
"""The longest that SQS can hide a message."""

LONGEST_PUBLISH_DELAY = timedelta(minutes=15)
"""The longest that SQS can hold back a new message."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt to deliver. `reason` says it in words fit for the user."""

    verdict: Verdict
    reason: str = ""
    retry_after: timedelta | None = None
    everyone: bool = False
    """The other side as a whole is down or throttling, so trying it with other batches now is no use."""
    status: int | None = None
    """Of HTTP, when one came."""


@dataclass(frozen=True, slots=True)
class SinkAttempt:
    """One try to deliver one output to one sink, as it is remembered."""

    at_unix_nano: int
    """When it ended."""
    output_id: str
    request_id: str | None
    number: int
    """From 1; the first try is 1."""
    verdict: Verdict
    status: int | None
    """Of HTTP, when an answer came."""
    ms: float | None
    """How long it took; None when nothing was sent."""
    error: str | None


def judge(status: int, retry_after: timedelta | None = None, said: str = "") -> Answer:
    """The meaning of an HTTP status; `said` is the beginning of what came with it."""
    if 200 <= status < 300:
        return Answer("done", status=status)
    reason = f"answered {status}"
    if status in _RETRIED or status >= 500:
        throttled = status in (429, 503)
        return Answer("retry", _with(reason, said), retry_after, everyone=throttled, status=status)
    if 300 <= status < 400:
        return Answer("refused", f"{reason}, a redirect, which is not followed: configure the final URL", status=status)
    return Answer("gone" if status == _GONE else "refused", _with(reason, said), status=status)


def _with(reason: str, said: str) -> str:
    return f"{reason}: {said}" if said else reason


def delay(ladder: tuple[timedelta, ...], attempt: int, retry_after: timedelta | None) -> timedelta | None:
    """How long to wait after failed attempt number `attempt` (from 1); None: give up. `Retry-After` wins."""
    if attempt > len(ladder):
        return None
    wait = ladder[attempt - 1] if retry_after is None else retry_after
    return max(SHORTEST_DELAY, min(wait, LONGEST_DELAY))
