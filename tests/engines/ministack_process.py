"""MiniStack with a clock that can be stopped: runs `ministack` as it is, but `time.time` comes from a file.

The file holds nanoseconds since 1970 as eight bytes; zero means that time goes on as usual. So delays, leases and
receive counts of a whole day are tested in no time, on a real process, over real HTTP.
"""

import mmap
import struct
import sys
import time
from pathlib import Path

_real_time = time.time


def main(clock: Path) -> None:
    with clock.open("rb") as file:
        view = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)

    def now() -> float:
        (nanoseconds,) = struct.unpack("<q", view[:8])
        return nanoseconds / 1e9 if nanoseconds else _real_time()

    time.time = now
    sys.argv = ["ministack"]
    from ministack.app import main as serve

    serve()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
