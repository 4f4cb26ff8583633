"""The events of Headrace: each is told somewhere, and nobody counts, prints or filters one that is not."""

import ast
import re
from collections.abc import Iterator
from inspect import get_annotations
from pathlib import Path

import pytest
from mypy import api as mypy

from headrace import events
from headrace.events import ENVELOPE, Event, PumpWaits, Received, decode
from tests.event_facts import EVENTS, misfits

ROOT = Path(__file__).parents[2]
HEADRACE = ROOT / "functions/shared/headrace"
KINDS = {kind.__name__: kind for kind in EVENTS.values()}
TELLERS = {"emit", "warn", "crash"}
READERS = ["runtime/metrics.py", "cli/tail.py", "cli/demo.py"]
FILTER = re.compile(r"""FilterPattern: '\{ \$\.event = "(\w+)" \}'.*?MetricValue: \$\.(\w+)""", re.DOTALL)


def _name(node: ast.expr) -> str:
    """The last name of `events.Received` or `Received`."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _tells(module: ast.Module) -> set[str]:
    """Names that tell an event there: `report`, too, after `report = emit if … else warn`."""
    chosen = [node for node in ast.walk(module) if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp)]
    return TELLERS | {
        _name(node.targets[0])
        for node in chosen
        if isinstance(node.value, ast.IfExp) and {_name(node.value.body), _name(node.value.orelse)} <= TELLERS
    }


def _told_in(path: Path) -> Iterator[str]:
    module = ast.parse(path.read_text())
    tells = _tells(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in tells:
            (event,) = node.args
            yield _name(event.func) if isinstance(event, ast.Call) else ""


def _named_in(path: Path) -> set[str]:
    """Names of `headrace.events` that a module mentions."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    imported = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "headrace.events"]
    mentioned = [node for node in nodes if isinstance(node, ast.Attribute) and _name(node.value) == "events"]
    return {alias.name for node in imported for alias in node.names} | {node.attr for node in mentioned}


@pytest.fixture(scope="module")
def told() -> set[str]:
    """The classes of all events that are told somewhere in the source."""
    return {name for path in (ROOT / "functions").rglob("*.py") for name in _told_in(path)}


def test_every_event_is_told_somewhere_and_no_other_is(told):
    assert told == set(KINDS)


@pytest.mark.parametrize("reader", READERS)
def test_what_is_counted_or_has_words_of_its_own_is_told(reader, told):
    read = _named_in(HEADRACE / reader) - (set(vars(events)) - set(KINDS))
    assert read
    assert read <= told


def test_metric_filters_of_the_template_go_by_events_and_facts_that_are_told(told):
    filters = FILTER.findall((ROOT / "template.yaml").read_text())
    assert len(filters) == (ROOT / "template.yaml").read_text().count("$.event") > 0
    for name, fact in filters:
        assert EVENTS[name].__name__ in told
        assert get_annotations(EVENTS[name])[fact] is int


def test_no_two_events_are_told_under_one_name():
    assert len(EVENTS) == sum(isinstance(each, type) and issubclass(each, Event) for each in vars(events).values()) - 1


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_an_event_says_what_happened_and_its_facts_have_names_of_their_own(kind):
    assert kind.__doc__
    assert not {*ENVELOPE, "traceback"} & set(get_annotations(kind))


def test_what_was_told_is_read_as_the_event_that_it_was():
    event = decode({"event": "received", "at": "now", "project_id": "p", "signal": "logs", "records": 3, "refused": 0})
    assert isinstance(event, Received)
    assert (event.project_id, event.signal, event.records, event.refused) == ("p", "logs", 3, 0)


def test_a_fact_that_was_not_told_has_its_default():
    event = decode({"event": "pump_waits", "level": "warning", "at": "now", "reason": "down"})
    assert isinstance(event, PumpWaits)
    assert (event.project_id, event.queue, event.reason) == (None, None, "down")


def test_what_a_newer_headrace_tells_is_not_understood_and_no_error():
    assert decode({"event": "teleported", "at": "now"}) is None


def test_facts_that_an_event_does_not_declare_and_those_that_it_lacks_are_found():
    assert misfits({"event": "pump_waits", "level": "warning", "at": "now", "reason": "down"}) == []
    assert misfits({"event": "pump_waits", "reazon": "down"}) == [
        "pump_waits has a fact reazon, which PumpWaits lacks",
        "pump_waits lacks its fact reason",
    ]


MISTAKES = {
    "emit(events.PumpFaild())": "attr-defined",
    'emit("pump_failed")': "arg-type",
    'emit(events.ProjectErased(project="p"))': "call-arg",
    "emit(events.ProjectErased(project_id=1))": "arg-type",
    "emit(events.ProjectErased())": "call-arg",
    "isinstance(told, events.Delivery)": "attr-defined",
    "isinstance(told, events.Sink) and told.verdikt": "attr-defined",
}
"""Misspelt by whoever tells, then by whoever counts, each with the kind of error that mypy finds."""


def test_a_misspelt_event_or_fact_is_an_error_of_types_on_both_sides(tmp_path, monkeypatch):
    monkeypatch.setenv("MYPYPATH", str(ROOT / "functions/shared"))
    right = ['emit(events.ProjectErased(project_id="p"))', "isinstance(told, events.Sink) and told.verdict"]
    begin = ["from headrace import events", "from headrace.observability import emit", "told = events.decode({})"]
    (tmp_path / "program.py").write_text("\n".join([*begin, *right, *MISTAKES]))
    said, _, _ = mypy.run(
        ["--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}", str(tmp_path / "program.py")]
    )
    found = re.findall(r"program\.py:(\d+): error: .*\[(.+)\]", said)
    first = len(begin) + len(right) + 1
    assert found == [(str(line), kind) for line, kind in enumerate(MISTAKES.values(), first)]
