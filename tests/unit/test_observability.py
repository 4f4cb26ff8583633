import json
import logging

import pytest

from headrace import observability
from headrace.events import EventFailed, Output, PumpWaits, Received

RECEIVED = Received(project_id="p", signal="logs", records=3, refused=0)


@pytest.fixture
def events():
    seen = []
    unlisten = observability.listen(seen.append)
    yield seen
    unlisten()


@pytest.fixture
def lines(capsys, monkeypatch):
    logger = logging.getLogger("headrace")
    before = (logger.handlers, logger.propagate, logger.level)

    def read(level, report):
        observability.configure(level)
        report()
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    yield read
    logger.handlers, logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


def test_a_listener_gets_every_event_with_its_facts_and_time(events):
    observability.emit(RECEIVED)
    observability.warn(PumpWaits(reason="down"))
    assert [{**each, "at": None} for each in events] == [
        {"event": "received", "project_id": "p", "signal": "logs", "records": 3, "refused": 0, "at": None},
        {"event": "pump_waits", "level": "warning", "reason": "down", "at": None},
    ]
    assert all(each["at"].endswith("+00:00") for each in events)


def test_what_another_process_told_is_told_here_as_it_was_and_written_nowhere(lines, events):
    told = {"event": "store_waits", "level": "warning", "at": "2026-11-28T12:00:00.000+00:00", "reason": "down"}
    assert lines("DEBUG", lambda: observability.relay(told)) == []
    assert events == [told]


def test_who_stops_listening_hears_no_more():
    seen = []
    observability.listen(seen.append)()
    observability.emit(RECEIVED)
    assert seen == []


def test_events_are_json_lines_on_standard_error(lines):
    (line,) = lines("info", lambda: observability.emit(RECEIVED))
    assert (line["event"], line["level"], line["records"], line["project_id"]) == ("received", "info", 3, "p")


def test_libraries_are_heard_in_the_same_lines_from_warnings_on(lines):
    def speak():
        observability.include("some.library")
        logging.getLogger("some.library.part").warning("%s is late", "it")
        logging.getLogger("some.library").info("nothing new")

    (line,) = lines("DEBUG", speak)
    assert (line["event"], line["level"]) == ("it is late", "warning")


def test_libraries_say_no_more_than_the_level_lets_through(lines):
    def speak():
        observability.include("some.library")
        logging.getLogger("some.library").warning("it is late")

    assert lines("ERROR", speak) == []


def test_below_the_level_nothing_is_written(lines):
    assert lines("WARNING", lambda: observability.emit(RECEIVED)) == []


def test_a_crash_is_told_with_its_traceback(lines, events):
    def fail():
        try:
            {}["secret place"]
        except KeyError:
            observability.crash(EventFailed(function="pipeline", messages=1))

    (line,) = lines("warning", fail)
    assert "KeyError: 'secret place'" in line["traceback"]
    assert (events[0]["event"], events[0]["level"]) == ("event_failed", "error")


def test_facts_that_json_does_not_know_become_text(lines):
    (line,) = lines("info", lambda: observability.emit(PumpWaits(reason=ValueError("odd"))))
    assert line["reason"] == "odd"


def test_a_fact_that_is_not_known_is_null_and_one_that_need_not_be_told_is_not_there(lines):
    def report():
        observability.emit(Output(project_id="p", id="m", request_id=None, bytes=2))
        observability.warn(PumpWaits(reason="down"))

    output, waits = lines("info", report)
    assert output["request_id"] is None
    assert "queue" not in waits
