"""What the kernel says about a process and those that it started (Linux)."""

from contextlib import suppress
from pathlib import Path


def family(pid: int) -> list[int]:
    """The process, its children, and theirs."""
    found = [pid]
    for parent in found:  # grows as it is read
        with suppress(OSError):  # it has just ended
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def queue_functions(pid: int) -> list[int]:
    """Those in the family that `headrace up` starts for its queue functions."""
    return [each for each in family(pid) if "headrace.runtime.queue_functions" in command_line(each)]


def memory_bytes(pid: int) -> int:
    """Resident memory of one process; 0 when it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
    return 0


def command_line(pid: int) -> str:
    """What it was started with; empty when it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""
