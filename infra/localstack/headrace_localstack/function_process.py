"""One execution environment: a `python -m awslambdaric HANDLER` process, which is started again when it dies."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import TimeoutError as NoAnswerYet
from pathlib import Path

from headrace_localstack.runtime_api import Answer, InitFailed, RuntimeApi, encode_error

_INIT_SECONDS = 30
_LOG_BYTES = 1 << 20
"""How much of the output is read back at once."""
_INHERITED = ("PATH", "HOME", "LANG")


class FunctionProcess:
    """Runs a handler. `python` is an interpreter that has awslambdaric; `path` is searched behind `folder`."""

    def __init__(self, python: str, handler: str, folder: Path, path: list[Path], timeout_seconds: float) -> None:
        self._command = [python, "-m", "awslambdaric", handler]
        self._folder, self._path, self._timeout_seconds = folder, path, timeout_seconds
        self._environment: Mapping[str, str] = {}
        self._api: RuntimeApi
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as this object is

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the process and wait until its function is loaded.

        Raises:
            InitFailed: it cannot be loaded.
        """
        self._environment = environment
        self._spawn()

    def stop(self) -> None:
        """End the process, whatever it does, and forget its output."""
        self._kill()
        self._log.close()

    def invoke(self, payload: Mapping[str, str]) -> Answer:
        """Call the function. A process that died before is replaced first, in the same environment.

        Raises:
            InitFailed: it died before and cannot be loaded again.
        """
        if self._process is None or self._process.poll() is not None:
            self._spawn()
        result = self._api.hand_over(payload)
        try:
            return result.result(timeout=self._timeout_seconds)
        except NoAnswerYet:
            self._kill()
            message = f"Error: Task timed out after {self._timeout_seconds:.2f} seconds"
            error = encode_error("Sandbox.Timedout", f"RequestId: {payload['invoke-id']} {message}")
            return Answer(error, is_error=True)

    def log_size(self) -> int:
        """Bytes that the process has written so far."""
        return self._log.seek(0, os.SEEK_END)

    def log_since(self, position: int) -> str:
        """What it wrote from there on."""
        if self._log.closed:
            return ""
        return os.pread(self._log.fileno(), _LOG_BYTES, position).decode("utf-8", "replace")

    def _spawn(self) -> None:
        api = RuntimeApi(self._timeout_seconds)
        process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._whole_environment(api),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._api, self._process = api, process
        threading.Thread(target=_watch, args=(process, api), daemon=True).start()
        try:
            api.ready.result(timeout=_INIT_SECONDS)
        except (InitFailed, NoAnswerYet):
            self._kill()
            raise

    def _whole_environment(self, api: RuntimeApi) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            **self._environment,
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "LAMBDA_TASK_ROOT": str(self._folder),
            "PYTHONPATH": os.pathsep.join(map(str, [self._folder, *self._path])),
            "PYTHONUNBUFFERED": "1",
        }

    def _kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _watch(process: subprocess.Popen[bytes], api: RuntimeApi) -> None:
    api.process_ended(process.wait())
    api.close()
