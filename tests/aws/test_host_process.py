"""A function on the host behaves as an execution environment of Lambda: it may fail, hang, die, and starts again."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.aws.emulators import ROOT, tool

sys.path.append(str(ROOT / "infra" / "localstack"))

from headrace_localstack.function_process import FunctionProcess
from headrace_localstack.runtime_api import InitFailed

HANDLER = """
import os, time
print("loaded")
def handler(event, context):
    print("called with", event)
    if event == "fail":
        raise ValueError("no")
    if event == "die":
        os._exit(3)
    if event == "hang":
        time.sleep(60)
    return {"pid": os.getpid(), "remaining": context.get_remaining_time_in_millis(), "word": os.environ["WORD"]}
"""


class Function:
    """A function process and the code it runs."""

    def __init__(self, folder: Path, code: str) -> None:
        (folder / "handler.py").write_text(code)
        self.process = FunctionProcess(tool("functions", "python"), "handler.handler", folder, [], 2.0)
        self._calls = 0

    def start(self) -> None:
        self.process.start({"WORD": "told", "AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_LOG_STREAM_NAME": "s"})

    def call(self, event: Any) -> tuple[Any, bool]:
        self._calls += 1
        payload = {
            "invoke-id": f"call-{self._calls}",
            "payload": json.dumps(event),
            "invoked-function-arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
            "trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793",
        }
        answer = self.process.invoke(payload)
        return json.loads(answer.body), answer.is_error


@pytest.fixture
def function(tmp_path: Path) -> Iterator[Function]:
    with ExitStack() as ending:
        made = Function(tmp_path, HANDLER)
        made.start()
        ending.callback(made.process.stop)
        yield made


def test_a_function_answers_knows_its_time_and_environment_and_stays_warm(function: Function) -> None:
    (first, failed), (second, _) = function.call("hello"), function.call("again")
    assert not failed
    assert first["word"] == "told"
    assert 0 < first["remaining"] <= 2000
    assert second["pid"] == first["pid"]
    assert "called with again" in function.process.log_since(0)


def test_an_exception_is_an_error_and_the_process_goes_on(function: Function) -> None:
    error, failed = function.call("fail")
    assert (failed, error["errorType"], error["errorMessage"]) == (True, "ValueError", "no")
    assert function.call("hello")[1] is False


def test_a_process_that_dies_is_an_error_and_another_takes_its_place(function: Function) -> None:
    before, _ = function.call("hello")
    error, failed = function.call("die")
    assert (failed, error["errorType"]) == (True, "Runtime.ExitError")
    after, failed = function.call("hello")
    assert not failed
    assert after["pid"] != before["pid"]


def test_a_call_over_the_time_limit_is_ended_and_the_next_one_is_answered(function: Function) -> None:
    error, failed = function.call("hang")
    assert (failed, error["errorType"]) == (True, "Sandbox.Timedout")
    assert function.call("hello")[1] is False


@pytest.mark.parametrize(("code", "kind"), [("import missing", "ImportModuleError"), ("x = 1", "HandlerNotFound")])
def test_a_function_that_cannot_be_loaded_says_why(tmp_path: Path, code: str, kind: str) -> None:
    function = Function(tmp_path, code)
    try:
        with pytest.raises(InitFailed) as failure:
            function.start()
        assert kind in failure.value.body.decode()
    finally:
        function.process.stop()
