import sys
from datetime import timedelta
from pathlib import Path

import pytest

from headrace.errors import ConfigError
from headrace.runtime import functions
from headrace.runtime.functions import Context, Deadline, load
from headrace.runtime.template import Function

HANDLER = """
from dataclasses import dataclass

@dataclass
class Seen:
    event: object
    context: object

def handler(event, context):
    return Seen(event, context)
"""


@pytest.fixture
def now(monkeypatch):
    """A monotonic clock that stands still until it is told otherwise."""

    class Time:
        value = 1000.0

        @classmethod
        def monotonic(cls):
            return cls.value

    monkeypatch.setattr(functions, "time", Time)
    return Time


def made(folder: Path, text: str = HANDLER, handler: str = "door.handler", name: str = "Made") -> Function:
    (folder / "door.py").write_text(text)
    return Function(name, folder, handler, timedelta(seconds=30))


def test_a_handler_is_found_by_its_path_and_called_with_event_and_context(tmp_path, now):
    seen = load(made(tmp_path), Deadline())({"some": "event"})
    assert seen.event == {"some": "event"}
    assert seen.context.function_name == "Made"
    assert seen.context.get_remaining_time_in_millis() == 30_000


def test_every_call_has_a_request_id_of_its_own(tmp_path):
    loaded = load(made(tmp_path), Deadline())
    assert loaded(1).context.aws_request_id != loaded(2).context.aws_request_id


def test_the_remaining_time_shrinks_and_is_never_negative(tmp_path, now):
    context = load(made(tmp_path), Deadline())(None).context
    now.value += 29.5
    assert context.get_remaining_time_in_millis() == 500
    now.value += 100
    assert context.get_remaining_time_in_millis() == 0


def test_a_runtime_that_stops_leaves_its_functions_only_the_grace_time(tmp_path, now):
    stop = Deadline()
    context = load(made(tmp_path), stop)(None).context
    stop.bring_forward(timedelta(seconds=10))
    assert context.get_remaining_time_in_millis() == 10_000
    now.value += 25
    assert context.get_remaining_time_in_millis() == 0


def test_a_stop_that_comes_after_the_time_limit_gives_nobody_more_time(now):
    stop = Deadline()
    stop.bring_forward(timedelta(seconds=10))
    assert Context("f", "id", now.value + 2, stop).get_remaining_time_in_millis() == 2000


def test_two_functions_with_modules_of_one_name_stay_apart(tmp_path):
    loaded = []
    for name in ("One", "Two"):
        folder = tmp_path / name
        folder.mkdir()
        loaded.append(load(made(folder, f"def handler(event, context): return {name!r}", name=name), Deadline()))
    assert [each(None) for each in loaded] == ["One", "Two"]
    assert "door" not in sys.modules


def test_a_folder_without_the_module_is_refused_with_its_path(tmp_path):
    with pytest.raises(ConfigError, match=r"Lost: there is no .*nowhere/door\.py"):
        load(Function("Lost", tmp_path / "nowhere", "door.handler", timedelta(1)), Deadline())


def test_a_module_without_the_handler_is_refused_with_both_names(tmp_path):
    with pytest.raises(ConfigError, match=r"Made: .*door\.py has no other"):
        load(made(tmp_path, handler="door.other"), Deadline())


def test_a_module_that_needs_what_is_not_installed_is_refused_with_its_name(tmp_path):
    with pytest.raises(ConfigError, match=r"Made: .*not_installed_anywhere"):
        load(made(tmp_path, "import not_installed_anywhere"), Deadline())
