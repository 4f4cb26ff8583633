"""Tells LocalStack to run each execution environment as a process of this machine: no Docker."""

import os
import time
from pathlib import Path
from typing import Any

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from headrace_localstack.function_process import FunctionProcess
from headrace_localstack.runtime_api import HOST, Answer, InitFailed

_PYTHON = os.environ.get("HEADRACE_LOCALSTACK_PYTHON", "python3")


class HostExecutorPlugin(RuntimeExecutorPlugin):
    """Found by LocalStack under the name that LAMBDA_RUNTIME_EXECUTOR has."""

    name = "host"

    def load(self, *_: Any, **__: Any) -> type[RuntimeExecutor]:
        """The executor."""
        return HostExecutor


class HostExecutor(RuntimeExecutor):
    """One execution environment of one version of a function."""

    def __init__(self, id: str, function_version: Any) -> None:  # noqa: A002 - LocalStack's name
        super().__init__(id=id, function_version=function_version)
        function = function_version.config
        folder = function.code.get_unzipped_code_location()
        self._process = FunctionProcess(
            _PYTHON, function.handler, folder, _layer_path(function), float(function.timeout)
        )

    def start(self, env_vars: dict[str, Any]) -> None:
        """Bring the process up."""
        try:
            self._process.start({name: str(value) for name, value in env_vars.items()})
        except InitFailed as failed:
            raise StatusErrorException("the function could not be loaded", payload=failed.body) from failed

    def stop(self) -> None:
        """End it."""
        self._process.stop()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Call the function, and report as Lambda does in its log."""
        request_id = payload["invoke-id"]
        log_start, started = self._process.log_size(), time.perf_counter()
        try:
            answer = self._process.invoke(payload)
        except InitFailed as failed:
            answer = Answer(failed.body, is_error=True)
        duration_ms = (time.perf_counter() - started) * 1000
        logs = (
            f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}\n"
            f"{self._process.log_since(log_start)}"
            f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms"
        )
        return InvocationResult(request_id, answer.body, is_error=answer.is_error, logs=logs)

    def get_logs(self) -> str:
        """All that the process wrote."""
        return self._process.log_since(0)

    def get_address(self) -> str:
        """Where the environment is."""
        return HOST

    def get_endpoint_from_executor(self) -> str:
        """Where LocalStack is, seen from the environment."""
        return HOST

    def get_runtime_endpoint(self) -> str:
        """Where LocalStack would be called back."""
        return f"http://{HOST}:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        """Unzip the code of the function and of its layers."""
        function = function_version.config
        for code in (function.code, *(layer.code for layer in function.layers)):
            if code:
                code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        """Nothing: LocalStack removes the code, and the processes are stopped one by one."""


def _layer_path(function: Any) -> list[Path]:
    """Behind the function's own folder come its layers; of the layers the last one wins."""
    folders = [layer.code.get_unzipped_code_location() / "python" for layer in reversed(function.layers)]
    return [path for python in folders for path in (python / "lib" / str(function.runtime) / "site-packages", python)]
