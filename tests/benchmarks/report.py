"""The report: every figure in a table, beside those of the last report, and the names of what got slower.

Machines differ and are noisy, so what is compared are ratios: each figure to the time that a fixed piece of work took
in the same run (`calibrate`). A figure counts as worse when its ratio is by a third worse than it was.
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from tests.benchmarks.timing import best_seconds

FOLDER = Path(__file__).parent
REPORT, RESULTS = FOLDER / "REPORT.md", FOLDER / "results.json"
WORSE = 4 / 3

_BY_TIME = ("/s", "ms", "µs")
"""Units that a slower machine changes; what is counted in others is the same everywhere."""
_MORE_IS_BETTER = ("/s", "times the library way", "times the better peer")


def calibrate() -> float:
    """Seconds for a fixed piece of work, in pure Python and in C."""
    document = orjson.dumps([{"key": str(number), "value": number} for number in range(2_000)])

    def work() -> None:
        sum(len(each["key"]) + each["value"] for each in orjson.loads(document))

    return best_seconds(work, rounds=50)


def slower(figures: Mapping[str, float], seconds: float, last: Mapping[str, float], last_seconds: float) -> list[str]:
    """What got worse since the last report, in words, the worst first."""
    found = []
    for words in figures.keys() & last.keys():
        change = worsening(words, figures[words], last[words], seconds / last_seconds)
        if change >= WORSE:
            found.append((change, f"{words}: {change:.2f} times worse"))
    return [line for _, line in sorted(found, reverse=True)]


def worsening(words: str, now: float, before: float, machine: float) -> float:
    """How many times worse a figure is, on a machine that takes `machine` times as long as that of the last report."""
    if not now or not before:
        return 1.0
    worse = before / now if any(each in words for each in _MORE_IS_BETTER) else now / before
    return worse / machine if any(each in words for each in _BY_TIME) else worse


def write(figures: Mapping[str, float], profiles: Mapping[str, Sequence[str]]) -> list[str]:
    """Write report and results; what got worse since those that were there."""
    seconds = calibrate()
    last = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"figures": {}, "calibration_seconds": seconds}
    worse = slower(figures, seconds, last["figures"], last["calibration_seconds"])
    facts = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "calibration_seconds": seconds,
    }
    # What was not measured this time keeps the figure it had: parts may be measured one by one.
    kept = {**last["figures"], **figures}
    RESULTS.write_text(json.dumps({**facts, "figures": kept}, indent=1, ensure_ascii=False) + "\n")
    REPORT.write_text(text(facts, kept, last["figures"], worse, profiles))
    return worse


def text(
    facts: Mapping[str, object],
    figures: Mapping[str, float],
    last: Mapping[str, float],
    worse: Sequence[str],
    profiles: Mapping[str, Sequence[str]],
) -> str:
    """The report as Markdown."""
    lines = [
        "# Figures",
        "",
        "Written by `make bench BENCH=--report`. Read the ratios: the machine is shared and noisy.",
        "",
    ]
    lines += [f"- {name}: {fact}" for name, fact in facts.items()]
    lines += ["", "| | measured | last time |", "|---|---|---|"]
    lines += [f"| {words} | {_shown(figure)} | {_shown(last.get(words))} |" for words, figure in figures.items()]
    lines += ["", "## Worse than last time", "", *([f"- {line}" for line in worse] or ["Nothing, by a third or more."])]
    for part, rows in profiles.items():
        lines += ["", f"## Where the time of the {part} goes", "", "```", *rows, "```"]
    return "\n".join(lines) + "\n"


def _shown(figure: float | None) -> str:
    if figure is None:
        return ""
    return f"{figure:,.0f}" if abs(figure) >= 1_000 else f"{figure:.3g}"


def _commit() -> str:
    asked = ["git", "-C", str(FOLDER), "rev-parse", "--short", "HEAD"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
