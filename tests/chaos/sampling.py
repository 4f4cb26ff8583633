"""What a runtime, all of its processes, holds, and how large the files of its data directory are (Linux)."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.kinship import family, memory_bytes

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
    processes = family(pid)
    return {
        "memory": sum(map(memory_bytes, processes)) / MIB,
        "file handles": sum(_entries(each, "fd") for each in processes),
        "threads": sum(_entries(each, "task") for each in processes),
        **{name: _size_bytes(data_dir / name) / MIB for name in DATABASES},
    }


def _entries(pid: int, folder: str) -> int:
    with suppress(OSError):  # it has just ended
        return len(list(Path(f"/proc/{pid}/{folder}").iterdir()))
    return 0


def _size_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
