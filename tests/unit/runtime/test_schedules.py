import threading
from datetime import timedelta
from pathlib import Path

import pytest

from headrace.errors import Unavailable
from headrace.runtime.functions import Deadline, load
from headrace.runtime.schedules import Schedules, in_turn, scheduled_calls
from headrace.runtime.template import read_template

AT_ONCE = timedelta(milliseconds=1)
PATIENCE_SECONDS = 20

TEMPLATE = """
Globals: {Function: {Handler: handler.handler}}
Resources:
  MonitorFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: monitor
      Events: {Often: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}}
"""


@pytest.fixture
def started():
    made = []

    def start(*jobs):
        schedules = Schedules([(f"job {number}", AT_ONCE, job) for number, job in enumerate(jobs)])
        made.append(schedules)
        schedules.start()
        return schedules

    yield start
    for schedules in made:
        schedules.stop()


def counting(target, times):
    """A job that sets an event when it has run so often."""
    reached = threading.Event()

    def job():
        target.append(1)
        if len(target) >= times:
            reached.set()

    return job, reached


def test_the_template_says_which_functions_are_called_and_how_often(tmp_path: Path):
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "monitor").mkdir()
    (tmp_path / "monitor" / "handler.py").write_text("def handler(event, context): return event")
    functions = [load(each, Deadline()) for each in read_template(tmp_path / "template.yaml")]
    ((name, every, call),) = scheduled_calls(functions)
    assert (name, every) == ("MonitorFunction", timedelta(minutes=1))
    assert call()["resources"][0].endswith("rule/MonitorFunction")


def test_a_job_runs_over_and_over(started):
    job, reached = counting([], 3)
    started(job)
    assert reached.wait(PATIENCE_SECONDS)


def test_a_job_that_fails_is_called_again_and_told_about(started, caplog):
    runs = []
    job, reached = counting(runs, 3)

    def failing():
        job()
        raise ValueError("first times are hard")

    started(failing)
    assert reached.wait(PATIENCE_SECONDS)
    assert "schedule_failed" in caplog.text


def test_a_job_that_hangs_holds_up_no_other(started):
    release = threading.Event()
    job, reached = counting([], 3)
    started(lambda: release.wait(PATIENCE_SECONDS), job)
    assert reached.wait(PATIENCE_SECONDS)
    release.set()


def test_a_job_is_not_started_again_while_it_runs_nor_after_stopping(started):
    running, release, runs = threading.Event(), threading.Event(), []

    def job():
        runs.append(1)
        running.set()
        release.wait(PATIENCE_SECONDS)

    schedules = started(job)
    assert running.wait(PATIENCE_SECONDS)
    schedules.stop()
    release.set()
    for thread in schedules._threads:
        thread.join(PATIENCE_SECONDS)
    assert runs == [1]


def test_stopping_ends_a_schedule_whose_time_has_not_come(started):
    runs = []
    schedules = Schedules([("rare", timedelta(hours=1), lambda: runs.append(1))])
    schedules.start()
    schedules.stop()
    for thread in schedules._threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    assert runs == [], "a job first runs after its first period"


def test_a_job_runs_only_when_it_is_the_turn_of_this_process():
    asked, runs = [], []

    def take_turn(name, every):
        asked.append((name, every))
        return len(asked) == 2

    ((_, _, job),) = in_turn([("job", AT_ONCE, lambda: runs.append(1))], take_turn)
    for _ in range(3):
        job()
    assert (asked, runs) == ([("job", AT_ONCE)] * 3, [1])


def test_a_job_whose_engine_is_down_is_no_crash(started, caplog):
    runs = []
    job, reached = counting(runs, 2)

    def waiting():
        job()
        raise Unavailable("down")

    started(waiting)
    assert reached.wait(PATIENCE_SECONDS)
    assert "schedule_waits" in caplog.text
    assert "schedule_failed" not in caplog.text
