"""An hour of steady load on `headrace up`: memory, file handles, threads and databases have to stay flat.

`python -m tests.chaos.soak --seconds 3600`. Each is sampled every ten seconds; `flatness` has the rule. The figures
go to `tests/benchmarks/results/soak.json`, and every acknowledged record is checked as in a run with faults.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from tests.chaos.agent import listening
from tests.chaos.check import check
from tests.chaos.flatness import Trend, trend
from tests.chaos.history import History, read
from tests.chaos.load import Load
from tests.chaos.plant import BATCH
from tests.chaos.plants import dead_letters_of
from tests.chaos.records import PIPELINE
from tests.chaos.sampling import MEASURES, sample
from tests.flow.deployment import Deployment
from tests.flow.process import Runtime
from tests.flow.waiting import wait_until

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "soak.json"

_SAMPLE_SECONDS = 10.0
_LEAST_SAMPLES = 8
_DRAINED_WITHIN_SECONDS = 120


def main() -> int:
    """Measure, print, write down; 0 when everything is flat and nothing is lost."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="headrace-soak-") as folder:
        found = soak(Path(folder), options.seconds, options.rate)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    _show(found)
    return 0 if found["flat"] and not found["lost"] else 1


def soak(folder: Path, seconds: float, rate: float) -> dict[str, Any]:
    """The figures of one run at `rate` records a second."""
    history, deployment = History(folder / "history.jsonl"), Deployment(folder)
    try:
        with listening(history) as agent:
            deployment.pipeline(agent.url, **BATCH, **PIPELINE)
            runtime = deployment.start()
            load = Load([runtime.url], {"X-API-Key": deployment.key}, history, seed=1, rate=rate)
            samples = _sampled(load, runtime, deployment.data_dir, seconds)
            wait_until(deployment.idle, "all is delivered", within=_DRAINED_WITHIN_SECONDS)
            for letter in dead_letters_of(deployment):
                history.add(letter)
    finally:
        deployment.close()
        history.close()
    verdict = check(lambda: read(history.path))
    trends = {each.name: trend([one[each.name] for one in samples], negligible=each.negligible) for each in MEASURES}
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "seconds": seconds,
        "records_per_second": round(verdict.acknowledged / seconds),
        "acknowledged": verdict.acknowledged,
        "lost": len(verdict.lost),
        "flat": all(each.flat for each in trends.values()),
        "trends": {name: asdict(each) for name, each in trends.items()},
        "samples": samples,
    }


def _sampled(load: Load, runtime: Runtime, data_dir: Path, seconds: float) -> list[dict[str, float]]:
    samples: list[dict[str, float]] = []
    began, never = time.monotonic(), Event()
    load.start()
    try:
        while (left := began + seconds - time.monotonic()) > 0:
            never.wait(min(left, _SAMPLE_SECONDS))
            samples.append(sample(runtime.pid, data_dir))
    finally:
        load.stop()
    return samples


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--rate", type=float, default=2000, help="records a second")
    options = parser.parse_args()
    if options.seconds < _LEAST_SAMPLES * _SAMPLE_SECONDS:
        parser.error(f"a trend needs {_LEAST_SAMPLES * _SAMPLE_SECONDS:.0f} seconds at least")
    return options


def _show(found: dict[str, Any]) -> None:
    print(f"{found['seconds']:.0f} s, {found['records_per_second']:,} records/s, {found['lost']} lost\n")
    print(f"{'':<16}{'first':>10}{'last':>10}{'largest':>10}{'growth':>10}  flat")
    for measure in MEASURES:
        line = Trend(**found["trends"][measure.name])
        figures = "".join(f"{figure:>10,.1f}" for figure in (line.first, line.last, line.largest, line.growth))
        print(f"{measure.name:<16}{figures}  {'yes' if line.flat else 'NO'}  {measure.unit}")
    print(f"\nverdict: {'flat' if found['flat'] else 'NOT flat'}")


if __name__ == "__main__":
    sys.exit(main())
