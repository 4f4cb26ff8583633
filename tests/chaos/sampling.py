"""What the kernel says about a process and its children, and how large the files of a data directory are (Linux)."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024

DATABASES = ("bus.db", "bus.db-wal", "store.db", "store.db-wal")


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that has to be flat: its unit, and how much of it is nothing."""

    name: str
    unit: str
    negligible: float


MEASURES = (
    Measure("memory", "MiB", 2),
    Measure("file handles", "", 3),
    Measure("threads", "", 3),
    *(Measure(name, "MiB", 1) for name in DATABASES),
)


def sample(pid: int, data_dir: Path) -> dict[str, float]:
    """One value for each of MEASURES."""
    return {
        "memory": sum(_memory_bytes(each) for each in (pid, *_children(pid))) / MIB,
        "file handles": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": len(list(Path(f"/proc/{pid}/task").iterdir())),
        **{name: _size_bytes(data_dir / name) / MIB for name in DATABASES},
    }


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # a thread that has just ended
            found += map(int, (task / "children").read_text().split())
    return found


def _memory_bytes(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
    return 0


def _size_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
