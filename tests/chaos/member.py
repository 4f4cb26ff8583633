"""One `headrace` and what it starts: faults are injected into all of it. It keeps its port over its deaths."""

import os
import resource
import struct
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from threading import Lock

from tests.chaos.plant import Action, Pause
from tests.chaos.schedule import Fault
from tests.engines.server import free_port
from tests.flow.deployment import Deployment
from tests.flow.process import Runtime
from tests.kinship import family

_ROOM_BYTES = 256 * 1024
CLOCKS = Path(__file__).with_name("clock")
"""On the PYTHONPATH of a process, this gives it the time of day that a file says."""


class Member:
    """Started when it is made. One fault at a time: the next waits until the last is mended."""

    def __init__(self, deployment: Deployment, name: str, pause: Pause, *command: str) -> None:
        self.name, self._deployment, self._pause, self._command = name, deployment, pause, command
        self._folder = deployment.data_dir.parent
        self._clock = self._folder / f"{name}.clock"
        self._clock.write_bytes(bytes(8))
        self._port = free_port()
        self._lock = Lock()
        self._runtime = self._start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def actions(self) -> dict[str, Action]:
        """By the kind of fault."""
        return {"kill": self._die, "stop": self._stand_still, "long stop": self._stand_still, "clock": self._jump}

    def full_disk(self, fault: Fault) -> None:
        """No file may grow over a size that the write-ahead log soon needs; what it logs still fits."""
        room = self._deployment.log.stat().st_size + _ROOM_BYTES
        with self._lock:
            self._limit_files(room)
            self._pause(fault.seconds)
            self._limit_files(resource.RLIM_INFINITY)

    def _die(self, fault: Fault) -> None:
        with self._lock:
            self._runtime.kill()
            self._pause(fault.seconds)
            self._runtime = self._start()

    def _stand_still(self, fault: Fault) -> None:
        with self._lock:
            self._signal(SIGSTOP)
            self._pause(fault.seconds)
            self._signal(SIGCONT)

    def _jump(self, fault: Fault) -> None:
        with self._lock:
            self._set_clock(fault.amount)
            self._pause(fault.seconds)
            self._set_clock(0)

    def _set_clock(self, off_seconds: int) -> None:
        with self._clock.open("r+b") as file:  # in place: the process looks at this very file
            file.write(struct.pack("<q", off_seconds * 10**9))

    def _signal(self, number: int) -> None:
        for pid in family(self._runtime.pid):
            os.kill(pid, number)

    def _limit_files(self, size_bytes: int) -> None:
        for pid in family(self._runtime.pid):
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, hard))

    def _start(self) -> Runtime:
        clock = {"PYTHONPATH": str(CLOCKS), "FALSE_CLOCK": str(self._clock)}
        return self._deployment.start(*self._command, port=str(self._port), **clock)
