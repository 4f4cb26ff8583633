"""A kind of queue is one row of one table: a made-up one is wired, counted, redriven and erased on every engine."""

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from headrace.ports.queues import KINDS
from headrace.runtime.template import find_template, read_template
from headrace.settings import Settings
from tests.engines.ministack import Ministack
from tests.engines.nats import NatsServer

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("new_kind.py")


def run(folder: Path, **settings: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, PROGRAM],
        env={**os.environ, "HEADRACE_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT), **settings},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def lives(told: dict[str, Any]) -> None:
    """What a kind goes through, in `[waiting, dead letters, records counted as dead]`."""
    assert (told["kind"], told["concurrency"], told["asked_for"]) == ("notes", 3, "notes")
    assert told["published"] == [1, 0, 0]
    assert told["buried"] == [1, 1, 0]  # counted by the function that buries it: here nobody did
    assert told["redriven"] == 1
    assert told["after"] == [2, 0, 0]
    assert (told["left"], told["depth_left"]) == ([], 0)


def test_embedded(tmp_path: Path) -> None:
    lives(run(tmp_path))


@pytest.mark.connected
def test_on_nats(tmp_path: Path, nats_server: NatsServer) -> None:
    lives(run(tmp_path, HEADRACE_BUS=nats_server.url))


@pytest.mark.connected
def test_on_sqs(tmp_path: Path, ministack: Ministack) -> None:
    lives(run(tmp_path, HEADRACE_BUS="sqs://"))


def test_every_kind_has_its_function_in_the_template_and_its_name_in_the_settings() -> None:
    listening = {function.queue: function.folder.name for function in read_template(find_template()) if function.queue}
    assert listening == {kind.name: kind.function for kind in KINDS}
    assert {f"{kind.function}_function" for kind in KINDS} <= {each.name for each in fields(Settings)}
