"""Cold start: what importing a door costs beyond bare Python, in fresh processes."""

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.timing import best_seconds

_ROOT = Path(__file__).parents[2]
_ROUNDS = 12


def measure() -> dict[str, float]:
    """Milliseconds."""
    bare = _start("pass")
    return {
        f"import: functions/{door}, ms beyond bare Python{' (at most 150)' if door == 'receiver' else ''}": (
            _start(f"import functions.{door}.handler") - bare
        )
        * 1000
        for door in ("receiver", "agent_output", "pipeline", "sink")
    }


def door_import_ms(door: str) -> float:
    """What one door costs beyond bare Python."""
    return (_start(f"import functions.{door}.handler") - _start("pass")) * 1000


def _start(program: str) -> float:
    def run() -> None:
        subprocess.run([sys.executable, "-c", program], check=True, cwd=_ROOT)

    return best_seconds(run, rounds=_ROUNDS)
