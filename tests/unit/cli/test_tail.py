import json

import pytest

from headrace.cli.credentials import Credentials, write_credentials
from headrace.cli.tail import describe, events
from headrace.errors import NotAuthenticated, Unavailable

AT = {"at": "2024-01-15T10:30:00.123+00:00", "project_id": "p"}


def told(event, **facts):
    return describe({"event": event, **AT, **facts}).plain


@pytest.mark.parametrize(
    ("line", "event", "facts"),
    [
        ("10 logs stored", "received", {"records": 10, "signal": "logs", "refused": 0}),
        ("1 traces stored, 2 refused", "received", {"records": 1, "signal": "traces", "refused": 2}),
        ("7 records filtered out", "filtered", {"filtered": 7, "errored": 0}),
        ("0 records filtered out, 3 dropped: the expression failed", "filtered", {"filtered": 0, "errored": 3}),
        (
            "10 records 01234567  delivered to the agent  12.5 ms",
            "batch",
            {"records": 10, "request_id": "0123456789", "verdict": "done", "reason": "", "ms": 12.5},
        ),
        (
            "2 records 01234567  the agent answered 503  1.0 ms",
            "batch",
            {"records": 2, "request_id": "0123456789", "verdict": "retry", "reason": "answered 503", "ms": 1.0},
        ),
        ("the agent sent 321 bytes", "output", {"id": "m", "request_id": None, "bytes": 321}),
        ("hook  delivered  3.5 ms", "sink", {"sink": "hook", "verdict": "done", "reason": "", "ms": 3.5}),
        (
            "hook  answered 410  3.5 ms",
            "sink",
            {"sink": "hook", "verdict": "gone", "reason": "answered 410", "ms": 3.5},
        ),
        ("records=2  reason=answered 404", "dead_letter", {"level": "warning", "records": 2, "reason": "answered 404"}),
    ],
)
def test_each_kind_of_event_is_one_line_for_a_person(line, event, facts):
    assert told(event, **facts) == f"10:30:00.123  {event:<12}{line}"


def test_what_a_person_may_have_to_act_on_is_red():
    calm, alarmed = (describe({**AT, "event": "output", "bytes": 1, **level}) for level in ({}, {"level": "error"}))
    assert "red" in str(alarmed.spans)
    assert "red" not in str(calm.spans)


def test_words_of_strangers_are_no_markup():
    assert "[bold]x[/]" in told("sink", sink="[bold]x[/]", verdict="done", ms=1)


def stream(*lines):
    return ("GET", "/internal/events", 200, b"\n\n".join([b": listening", *lines]) + b"\n\n")


def test_events_come_as_they_were_sent_until_the_runtime_ends_the_stream(site):
    runtime = site(stream(b'data: {"event": "one"}', b": still here", b'data: {"event": "two", "n": 1}'))
    assert list(events(f"{runtime.url}/", "hr_key")) == [{"event": "one"}, {"event": "two", "n": 1}]
    assert runtime.asked[0][2]["x-api-key"] == "hr_key"


def test_a_key_that_is_not_known_there_is_said(site):
    with pytest.raises(NotAuthenticated, match="does not know this API key"):
        list(events(site(("GET", "/internal/events", 401, b"")).url, "hr_key"))


def test_another_answer_is_shown(site):
    with pytest.raises(Unavailable, match="/internal/events answered 503"):
        list(events(site(("GET", "/internal/events", 503, b"")).url, "hr_key"))


def test_nobody_at_the_address_is_said_with_what_to_run():
    with pytest.raises(Unavailable, match="gave no answer; is `headrace up` running"):
        list(events("http://127.0.0.1:1", "hr_key"))


@pytest.fixture
def runtime(site, data_dir):
    """One that tells of one event; the credentials point to it."""
    event = {**AT, "event": "output", "bytes": 5, "name": "[red]naïve[/] " + "x" * 200}
    made = site(stream(b"data: " + json.dumps(event).encode()))
    write_credentials(data_dir, Credentials(made.url, "e", "p", "p", "hr_key"))
    return made, event


def test_for_programs_each_event_is_one_line_of_json(headrace, data_dir, runtime):
    code, out, _ = headrace("tail", "--json", "--data-dir", data_dir)
    assert code == 0
    assert [json.loads(line) for line in out.splitlines()] == [runtime[1]]


def test_for_people_it_first_says_where_it_listens(headrace, data_dir, runtime):
    code, out, _ = headrace("tail", "--data-dir", data_dir)
    assert code == 0
    assert out.splitlines() == [
        f"listening to {runtime[0].url}, Ctrl-C ends",
        "10:30:00.123  output      the agent sent 5 bytes",
    ]


def test_options_win_over_the_credentials(headrace, data_dir, site, runtime):
    other = site(stream())
    assert headrace("tail", "--endpoint", other.url, "--api-key", "other", "--data-dir", data_dir)[0] == 0
    assert other.asked[0][2]["x-api-key"] == "other"
    assert runtime[0].asked == []


def test_ctrl_c_is_the_way_to_end_it(headrace, data_dir, monkeypatch, runtime):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("headrace.cli.tail.events", interrupted)
    assert headrace("tail", "--data-dir", data_dir)[0] == 0
