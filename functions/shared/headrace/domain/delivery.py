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


def judge(status: int, retry_after: timedelta | None = None) -> Answer:
    """The meaning of an HTTP status."""
    if 200 <= status < 300:
        return Answer("done")
    reason = f"answered {status}"
    if status in _RETRIED or status >= 500:
        return Answer("retry", reason, retry_after, everyone=status in (429, 503))
    if 300 <= status < 400:
        reason += ", a redirect, which is not followed: configure the final URL"
    return Answer("gone" if status == _GONE else "refused", reason)


def delay(ladder: tuple[timedelta, ...], attempt: int, retry_after: timedelta | None) -> timedelta | None:
    """How long to wait after failed attempt number `attempt` (from 1); None: give up. `Retry-After` wins."""
    if attempt > len(ladder):
        return None
    wait = ladder[attempt - 1] if retry_after is None else retry_after
    return max(SHORTEST_DELAY, min(wait, LONGEST_DELAY))
