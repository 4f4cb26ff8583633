"""Fault injection with a proof: `python -m tests.chaos`. Ends with 1 when anything that was acknowledged is missing."""

import argparse
import secrets
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType

from tests.chaos.check import Verdict
from tests.chaos.plants import PLANTS, lacking
from tests.chaos.run import Outcome, Run, carry_out

RECORDS = {"embedded": 600_000, "nats": 420_000, "aws": 5_000}
"""Acknowledged records of a run, more than a million in total. The emulator takes a few hundred a second."""

_FAULTS_PER_RUN = 28
_RATE = 8000.0
_SHOWN = 10


def main() -> int:
    """Run what was asked for; 0 when every record is accounted for."""
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    outcomes = []
    for engine in options.engine or PLANTS:
        if missing := lacking(engine):
            print(f"{engine}: left out, {missing}")
            continue
        records = options.records or RECORDS[engine]
        outcomes.append(_one(Run(engine, options.seed, records, options.faults, options.rate), options.histories))
    total = sum(outcome.verdict.acknowledged for outcome in outcomes)
    lost = sum(len(outcome.verdict.lost) for outcome in outcomes)
    print(f"\ntotal: {total:,} acknowledged, {lost:,} lost")
    return 0 if outcomes and all(outcome.verdict.holds for outcome in outcomes) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--engine", action="append", choices=PLANTS, help="all by default")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="that of a run to be repeated")
    parser.add_argument("--records", type=int, help="to be acknowledged, for each engine")
    parser.add_argument("--faults", type=int, default=_FAULTS_PER_RUN, help="for each engine")
    parser.add_argument("--rate", type=float, default=_RATE, help="records a second, at most")
    parser.add_argument("--histories", type=Path, default=Path(".chaos"), help="where those of failed runs are kept")
    return parser.parse_args()


def _one(run: Run, histories: Path) -> Outcome:
    print(f"\n{run.engine}: seed {run.seed}, {run.records:,} records, {run.faults} faults", flush=True)
    folder = (histories / f"{run.engine}-{run.seed}").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    outcome = carry_out(run, folder)
    _show(outcome)
    if outcome.verdict.holds:
        shutil.rmtree(folder)
    else:
        print(f"  the history is in {folder}; the same faults again: --engine {run.engine} --seed {run.seed}")
    return outcome


def _show(outcome: Outcome) -> None:
    verdict = outcome.verdict
    lines = {
        "seconds": f"{outcome.seconds:.0f}",
        "faults": _by_kind(verdict.faults),
        "requests sent twice or late": f"{outcome.sent_again:,}",
        "acknowledged": f"{verdict.acknowledged:,}",
        "delivered": f"{verdict.delivered:,}",
        "filtered": f"{verdict.filtered:,}",
        "dead letters": f"{verdict.dead:,}",
        "in flight (messages)": f"{verdict.in_flight_messages:,}",
        "delivered without 200": f"{verdict.unacknowledged:,}",
        "duplicates": _by_kind(verdict.duplicates),
        "errors logged": f"{len(outcome.errors)} {outcome.errors[:2] or ''}",
        **{name: f"{len(found):,} {found[:_SHOWN] or ''}" for name, found in _wrongs(verdict).items()},
    }
    for name, figure in lines.items():
        print(f"  {name:<28} {figure}", flush=True)


def _wrongs(verdict: Verdict) -> dict[str, list[int] | list[str]]:
    return {
        "LOST": verdict.lost,
        "duplicates unexplained": verdict.unexplained,
        "delivered, should not be": verdict.wrong,
        "request ids reused": verdict.mixed,
    }


def _by_kind(counts: dict[str, int]) -> str:
    several = ", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items()) if count)
    return f"{sum(counts.values()):,}" + (f" ({several})" if several else "")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
