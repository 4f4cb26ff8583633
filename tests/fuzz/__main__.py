"""`make fuzz`: each target for FUZZ_SECONDS (20) with coverage-guided inputs, from the corpora on.

`python -m tests.fuzz [TARGET …]`. What breaks a target is kept in `tests/corpora/crashes`, and `make test` replays it.
A target is a process of its own, since atheris instruments what is imported after it and ends the process.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from tests.fuzz import corpora

_MEMORY_MIB, _INPUT_SECONDS, _GRACE_SECONDS = 2048, 20, 120
_INPUT_BYTES = 16 * 1024


def main() -> int:
    """Fuzz the targets named, or all; 1 when one of them broke."""
    if sys.argv[1:2] == ["--one"]:
        return _fuzz_one(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    from tests.fuzz.targets import TARGETS

    seconds = int(os.environ.get("FUZZ_SECONDS", "20"))
    broken = [name for name in sys.argv[1:] or TARGETS if not _holds(name, seconds)]
    print(f"broken: {', '.join(broken)}" if broken else "all targets held", flush=True)
    return 1 if broken else 0


def _holds(name: str, seconds: int) -> bool:
    """Run one target in a process; what it says is shown when it broke."""
    before = set(corpora.entries(name))
    with tempfile.TemporaryDirectory() as folder:
        for number, (_, data) in enumerate(before):
            (Path(folder) / str(number)).write_bytes(data)
        command = [sys.executable, "-m", "tests.fuzz", "--one", name, str(seconds), folder]
        said = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + _GRACE_SECONDS, check=False
        )
    text = said.stdout.decode(errors="replace")
    print(f"{name}: {_last(text) if said.returncode == 0 else text}", flush=True)
    return said.returncode == 0


def _last(text: str) -> str:
    """How many inputs were tried, as libFuzzer says in the end."""
    return next((line for line in reversed(text.splitlines()) if line.startswith("Done ")), "ended early")


def _fuzz_one(name: str, seconds: int, seeds: Path) -> int:
    import atheris
    from hypothesis import HealthCheck, given, settings

    with redirect_stderr(StringIO()), atheris.instrument_imports(include=["headrace", "headrace_sdk"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]

    def check(data: bytes) -> None:
        try:
            target.check(data)
        except BaseException:
            print("kept as", corpora.keep(name, data), flush=True)
            raise

    if target.structured:
        quiet = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
        run = quiet(given(target.inputs)(check)).hypothesis.fuzz_one_input
    else:
        run = check
    options = [f"-max_total_time={seconds}", f"-rss_limit_mb={_MEMORY_MIB}", f"-timeout={_INPUT_SECONDS}"]
    options += [f"-max_len={_INPUT_BYTES}", f"-artifact_prefix={seeds}/crash-"]
    atheris.Setup([sys.argv[0], *options, str(seeds)], run)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
