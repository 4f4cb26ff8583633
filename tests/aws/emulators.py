"""Emulators of AWS, as real processes on this machine, and what it takes to deploy to one with the stock `sam`."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.flow.waiting import wait_until

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
TOOLS = ("sam", "ministack", "localstack", "functions")

_START_SECONDS = 90
_API = "/_aws/execute-api/{id}/prod"
_STOP_SECONDS = 20


def missing_tools() -> str:
    """Why nothing can be deployed here; empty when it can."""
    absent = [name for name in TOOLS if not (ROOT / f".venv-{name}" / ".installed").exists()]
    if absent:
        return f"{', '.join(f'.venv-{name}' for name in absent)} missing: `make test-aws` sets them up"
    if shutil.which("python3.11", path=tool_path()) is None:
        return "python3.11 is not installed, on which the functions run"
    return ""


def tool_path() -> str:
    """The PATH of `sam build`, which looks for the Python of the functions and its pip."""
    return os.pathsep.join([str(ROOT / ".venv-functions" / "bin"), os.environ["PATH"]])


def tool(name: str, program: str) -> str:
    """The path of a program in the environment that `make test-aws` set up."""
    return str(ROOT / f".venv-{name}" / "bin" / program)


@dataclass
class Emulator:
    """A running emulator."""

    name: str
    url: str
    log: Path
    pid: int
    api: str
    """Where a REST API is: with `{id}`."""

    @property
    def environment(self) -> dict[str, str]:
        """What lets any AWS tool talk to it."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url}

    def function_processes(self, function: str) -> list[int]:
        """The processes that run a function now."""
        wanted = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
        return [pid for pid in _descendants(self.pid) if wanted in _environment(pid)]


@dataclass(frozen=True)
class Kind:
    """How to start an emulator. `{port}` stands for the port it is to have."""

    name: str
    command: list[str]
    environment: dict[str, str]
    health: str
    api: str
    enforces_policies: bool = False
    """Whether functions may do only what their policies allow."""
    own_log_groups: bool = True
    """Whether it logs where the template says."""


MINISTACK = Kind(
    name="ministack",
    command=[tool("ministack", "python"), "-m", "ministack"],
    environment={"GATEWAY_PORT": "{port}", "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", **CREDENTIALS},
    health="/_ministack/health",
    api=_API,
)
MINISTACK_AUTH = Kind(
    name="ministack-auth",
    command=MINISTACK.command,
    environment={**MINISTACK.environment, "AUTH": "true"},
    health=MINISTACK.health,
    api=MINISTACK.api,
    enforces_policies=True,
)
LOCALSTACK = Kind(
    name="localstack",
    command=[tool("localstack", "headrace-localstack")],
    environment={
        "GATEWAY_LISTEN": "127.0.0.1:{port}",
        "HEADRACE_LOCALSTACK_PYTHON": tool("functions", "python"),
        **CREDENTIALS,
    },
    health="/_localstack/health",
    api=_API,
    own_log_groups=False,
)


@contextmanager
def running(kind: Kind, folder: Path) -> Iterator[Emulator]:
    """The emulator, ready, in a session of its own; ended with all that it started."""
    port, log = _free_port(), folder / f"{kind.name}.log"
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    own = {name: value.format(port=port) for name, value in kind.environment.items()}
    with log.open("wb") as output:
        process = subprocess.Popen(
            kind.command,
            env={**inherited, "TMPDIR": str(folder), **own},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(url + kind.health, process, log), f"{kind.name} is ready", within=_START_SECONDS)
        yield Emulator(kind.name, url, log, process.pid, url + kind.api)
    finally:
        _end(process)


def _answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, f"it ended: {log.read_text()[-2000:]}"
    with suppress(requests.ConnectionError):
        return requests.get(url, timeout=5).status_code == 200
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to stop; what remains of it and of its functions is killed, process by process."""
    children = _descendants(process.pid)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    for pid in [*children, process.pid]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(_STOP_SECONDS)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _descendants(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def _environment(pid: int) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []
