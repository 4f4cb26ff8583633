"""The process of the queue functions, a real one, as its parent sees it. What it does for messages: `tests/flow`."""

import os
import signal
import sys
from datetime import timedelta

import pytest

from headrace import bootstrap, observability
from headrace.errors import ConfigError
from headrace.ports.bus import Message
from headrace.runtime import queue_process
from headrace.runtime.queue_process import QueueProcess
from headrace.runtime.template import choose, find_template, read_template
from tests.flow.waiting import wait_until
from tests.kinship import queue_functions


@pytest.fixture
def functions(data_dir):
    bootstrap.make_data_dir()
    return choose(read_template(find_template()), "pipeline")


@pytest.fixture
def events():
    seen = []
    unlisten = observability.listen(seen.append)
    yield seen
    unlisten()


@pytest.fixture
def impatient(monkeypatch):
    """Who does not stop at once is ended."""
    monkeypatch.setattr(queue_process, "GRACE", timedelta(0))
    monkeypatch.setattr(queue_process, "_MARGIN_SECONDS", 0.01)


def children():
    """Processes of this one that run the module."""
    return queue_functions(os.getpid())


def kill():
    (child,) = children()
    os.kill(child, signal.SIGKILL)


def killed(events):
    return [each for each in events if each["code"] == -signal.SIGKILL]


def test_it_is_there_as_long_as_it_is_wanted(functions, events):
    with QueueProcess(functions) as process:
        wait_until(process.is_ready, "it is ready")
        assert len(children()) == 1
    assert children() == []
    assert events == []


def test_modules_in_the_working_folder_are_not_its_own(functions, tmp_path, monkeypatch):
    (tmp_path / "yaml.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    with QueueProcess(functions) as process:
        wait_until(process.is_ready, "it is ready")


def test_it_finds_modules_where_its_parent_does(functions, tmp_path, monkeypatch):
    (tmp_path / "yaml.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    with QueueProcess(functions) as process, pytest.raises(ConfigError, match="code 3"):
        wait_until(process.is_ready, "it is ready")


def test_functions_that_cannot_be_loaded_are_told_by_the_parent(functions, tmp_path):
    (broken,) = functions
    unknown = type(broken)(broken.name, tmp_path / "nosuch", broken.handler, broken.timeout, queue="raw")
    with QueueProcess([unknown]) as process, pytest.raises(ConfigError, match="there is no function nosuch"):
        wait_until(process.is_ready, "it is ready")


def test_functions_that_no_queue_calls_are_refused(data_dir):
    doors = choose(read_template(find_template()), "receiver")
    with QueueProcess(doors) as process, pytest.raises(ConfigError, match="no queue calls receiver"):
        wait_until(process.is_ready, "it is ready")


def test_a_line_that_is_not_understood_is_told_and_the_next_ones_are_heard(functions, events, monkeypatch, tmp_path):
    program = tmp_path / "program"
    program.write_text("""#!/bin/sh\necho rubbish\necho '{"nothing": "known"}'\necho '{"ready": 1}'\nread word\n""")
    program.chmod(0o700)
    monkeypatch.setattr(queue_process.sys, "executable", str(program))
    with QueueProcess(functions) as process:
        wait_until(process.is_ready, "it is ready")
    assert [each["event"] for each in events] == ["queue_functions_not_understood"] * 2


def test_one_that_dies_before_it_is_ready_is_told_and_not_started_again(functions, monkeypatch):
    monkeypatch.setattr(queue_process.sys, "executable", "/bin/false")
    with QueueProcess(functions) as process, pytest.raises(ConfigError, match="ended with code 1 before"):
        wait_until(process.is_ready, "it is ready")


def test_one_that_dies_is_told_and_another_one_takes_over(functions, events, monkeypatch):
    monkeypatch.setattr(queue_process, "_AFTER_DEATH_SECONDS", 0)
    with QueueProcess(functions) as process:
        wait_until(process.is_ready, "it is ready")
        (first,) = children()
        os.kill(first, signal.SIGKILL)
        (second,) = wait_until(lambda: [pid for pid in children() if pid != first], "another one runs")
        assert second != first
    assert [(each["event"], each["code"]) for each in events] == [("queue_functions_died", -signal.SIGKILL)]
    assert children() == []


def test_another_one_takes_over_as_soon_as_it_can_be_started(functions, events, monkeypatch):
    monkeypatch.setattr(queue_process, "_AFTER_DEATH_SECONDS", 0.01)
    with QueueProcess(functions) as process:
        wait_until(process.is_ready, "it is ready")
        with monkeypatch.context() as patch:
            patch.setattr(process, "_command", ["/nosuch"])
            kill()
            wait_until(lambda: len(events) > 2, "it was tried more than once")
        wait_until(children, "another one runs")
    assert [each["event"] for each in events[:2]] == ["queue_functions_died", "queue_functions_wait"]
    assert "/nosuch" in events[1]["reason"]


def test_why_one_died_is_not_told_of_the_next_one(functions, events, monkeypatch):
    monkeypatch.setattr(queue_process, "_AFTER_DEATH_SECONDS", 0)
    with QueueProcess(functions) as process:
        wait_until(process.is_ready, "it is ready")
        with monkeypatch.context() as patch:
            patch.setattr(process, "_command", [*process._command[:-1], "nosuch"])
            kill()
            wait_until(lambda: len(events) > 1, "the next one could not be one")
        wait_until(children, "another one runs")
        kill()
        wait_until(lambda: len(killed(events)) > 1, "it is dead")
    assert "there is no function nosuch" in events[1]["reason"]
    assert [each["reason"] for each in killed(events)] == [None, None]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_signals_that_go_to_all_processes_are_for_the_parent_to_obey(functions, events, number):
    with QueueProcess(functions) as process:
        wait_until(process.is_ready, "it is ready")
        (child,) = children()
        os.kill(child, number)
    assert events == []  # it stopped when it was told to, and not before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_such_signals_do_not_end_one_that_is_just_starting(functions, events, number):
    with QueueProcess(functions) as process:
        os.kill(process._process.pid, number)
        wait_until(process.is_ready, "it is ready")
    assert events == []
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


REPEATS = """
import json, sys
print(json.dumps({"ready": 1}), flush=True)
for line in sys.stdin:
    print(json.dumps({"event": {"event": line.strip()}}), flush=True)
    if line == "stop\\n":
        break
"""


def test_what_is_published_here_makes_it_look_for_messages_at_once(functions, events, monkeypatch):
    monkeypatch.setattr(queue_process, "_NEWS_WITHIN", timedelta(hours=1))
    process = QueueProcess(functions)
    monkeypatch.setattr(process, "_command", [sys.executable, "-c", REPEATS])
    with process:
        wait_until(process.is_ready, "it is ready")
        bootstrap.bus().publish("some-queue", [Message("{}")])
        wait_until(lambda: events, "it heard something")
    assert {each["event"] for each in events} == {"wake", "stop"}


def test_one_that_stands_still_keeps_nobody_waiting_who_has_news_for_it(functions, impatient):
    with QueueProcess(functions) as process:
        wait_until(process.is_ready, "it is ready")
        (child,) = children()
        os.kill(child, signal.SIGSTOP)
        for _ in range(64 * 1024):  # more than a pipe holds
            process._say(queue_process.WAKE)
    assert children() == []


def test_one_that_does_not_stop_is_ended(functions, events, impatient):
    with QueueProcess(functions) as process:
        wait_until(process.is_ready, "it is ready")
        (child,) = children()
        os.kill(child, signal.SIGSTOP)
    assert children() == []
    assert events == []
