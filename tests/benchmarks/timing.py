"""Timing for ratios: the best of several rounds, since noise only ever adds."""

import time
from collections.abc import Callable


def best_seconds(work: Callable[[], object], *, rounds: int = 30) -> float:
    """Seconds of the fastest of `rounds` calls, after one to warm up."""
    work()
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best
