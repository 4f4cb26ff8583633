"""Where the time of the hot path goes: the functions with most time of their own, of receiver and pipeline."""

import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import processing, receiving

_SHOWN = 12


def profiles() -> dict[str, list[str]]:
    """By part, lines for people: share of the time, calls, function."""
    return {"receiver": _profile(receiving.work()), "pipeline": _profile(processing.work())}


def _profile(work: Callable[[], object]) -> list[str]:
    work()
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(20):
        work()
    profile.disable()
    stats = pstats.Stats(profile)
    total = stats.total_tt  # type: ignore[attr-defined]
    rows = sorted(stats.stats.items(), key=lambda each: -each[1][2])[:_SHOWN]  # type: ignore[attr-defined]
    return [f"{own / total:5.1%}  {calls:>9,}  {_name(*where)}" for where, (_, calls, own, _, _) in rows]


def _name(file: str, line: int, function: str) -> str:
    """Without the folders of this machine."""
    short = file.rpartition("headrace/")[2] if "/headrace/" in file else Path(file).name
    return function if file == "~" else f"{short}:{line} {function}"
