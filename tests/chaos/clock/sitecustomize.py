"""Found by every Python that has this folder on its PYTHONPATH: its time of day is off by what a file says.

The file that `FALSE_CLOCK` names holds nanoseconds as eight bytes, and may change at any moment. Time that only
passes (`time.monotonic`) stays as it is, as when somebody sets the clock of a machine.
"""

import mmap
import os
import struct
import time
from pathlib import Path

_real_time_ns = time.time_ns


def _lie(path: str) -> None:
    with Path(path).open("rb") as file:
        view = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    time.time_ns = lambda: _real_time_ns() + struct.unpack("<q", view[:8])[0]
    time.time = lambda: time.time_ns() / 1e9


if "FALSE_CLOCK" in os.environ:
    _lie(os.environ["FALSE_CLOCK"])
