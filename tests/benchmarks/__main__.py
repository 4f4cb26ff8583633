"""Measures everything and prints it. `--only NAME …` measures some parts, `--seconds N` sets the end-to-end time.

`--report` also writes REPORT.md and results.json, and names what got worse since those that were there.
"""

import argparse
import platform

from tests.benchmarks import (
    buses,
    control_plane,
    cost,
    end_to_end,
    expressions,
    growth,
    hot_path,
    imports,
    normalizing,
    outbound,
    processing,
    receiving,
    report,
    sending,
    trace_peers,
    tracing,
)

_PARTS = {
    "receiving": receiving.measure,
    "processing": processing.measure,
    "expressions": expressions.measure,
    "normalizing": normalizing.measure,
    "imports": imports.measure,
    "buses": buses.measure,
    "control_plane": control_plane.measure,
    "outbound": outbound.measure,
    "sending": sending.measure,
    "tracing": tracing.measure,
    "trace_peers": trace_peers.measure,
    "end_to_end": end_to_end.measure,
    "growth": growth.measure,
    "cost": cost.measure,
}


def main() -> None:
    """Print one line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=_PARTS, nargs="+")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    print(f"Python {platform.python_version()} on {platform.machine()}, {platform.system()}\n")
    measured: dict[str, float] = {}
    for name, measure in _PARTS.items():
        if options.only is None or name in options.only:
            figures = measure(options.seconds) if measure is end_to_end.measure else measure()
            measured |= figures
            for words, figure in figures.items():
                digits = 4 if measure is cost.measure else 1  # dollars
                print(f"{figure:>14,.{digits}f}  {words}", flush=True)
    if options.report:
        worse = report.write(measured, hot_path.profiles())
        print("", *(worse or ["nothing got worse by a third or more"]), sep="\n")


if __name__ == "__main__":
    main()
