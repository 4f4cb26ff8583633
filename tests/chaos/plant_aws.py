"""The template, deployed to an emulator of AWS. Its functions can die and stand still; it keeps all else in memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Any

from tests.aws.emulators import MINISTACK, missing_tools, running
from tests.aws.stack import Project, Stack, build, deploy
from tests.chaos.history import Dead
from tests.chaos.plant import BATCH, Action, Pause, Plant
from tests.chaos.records import PIPELINE, decode_numbers
from tests.chaos.schedule import Fault

VISIBILITY_SECONDS = 30
"""On AWS a message comes back after six times the function's time limit: too long to wait for."""

_FUNCTIONS = ("ReceiverFunction", "PipelineFunction")

lacking = missing_tools


@contextmanager
def emulated(folder: Path, agent: str, pause: Pause) -> Iterator[Plant]:
    """MiniStack with one project whose pipeline is on."""
    built = build(folder)
    with running(MINISTACK, folder) as emulator:
        deploy(emulator, built)
        stack = Stack(emulator, MINISTACK)
        project = Project(stack, "chaos")
        project.call("PUT", "/pipeline", {"agent_endpoint": agent, "batch_window_ms": 0, **BATCH, **PIPELINE})
        project.wait_for_mapping("raw", "Enabled")
        _shorten_visibility(project)
        yield Plant(
            addresses=[stack.api],
            headers={"X-API-Key": project.key},
            targets={
                "kill": [(name, _killing(stack, name)) for name in _FUNCTIONS],
                "stop": [(name, _stopping(stack, name, pause)) for name in _FUNCTIONS],
            },
            in_flight=lambda: _in_flight(project),
            dead_letters=lambda: _dead_letters(project),
            errors=stack.surprises,
            spared=frozenset({"agent refuses"}),
        )


def _shorten_visibility(project: Project) -> None:
    sqs = project.stack.client("sqs")
    queue = sqs.get_queue_url(QueueName=_raw(project))["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)})


def _killing(stack: Stack, function: str) -> Action:
    """Kill -9 of whatever runs the function; the emulator starts it again with the next call."""

    def kill(_: Fault) -> None:
        _signal(stack, function, SIGKILL)

    return kill


def _stopping(stack: Stack, function: str, pause: Pause) -> Action:
    def stop(fault: Fault) -> None:
        stopped = _signal(stack, function, SIGSTOP)
        pause(fault.seconds)
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, SIGCONT)

    return stop


def _signal(stack: Stack, function: str, number: int) -> list[int]:
    """The processes that got it."""
    pids = stack.emulator.function_processes(stack.resources[function])
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    return pids


def _in_flight(project: Project) -> int:
    queue = project.status()["queues"][_raw(project)]
    return int(queue["depth"] + queue["in_flight"])


def _dead_letters(project: Project) -> Iterator[Dead]:
    """As the API shows them: only the first ten records of each, so no fault here makes a whole batch dead."""
    path = "/dead-letters?queue=raw&limit=100"
    page: dict[str, Any] = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        page = project.call("GET", path + (f"&cursor={page['next_cursor']}" if page["next_cursor"] else ""))
        for letter in page["items"]:
            yield Dead(letter["reason"], decode_numbers(letter["records"]))


def _raw(project: Project) -> str:
    return f"gf-ai-raw-{project.id}"
