from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.errors import Conflict, Unavailable
from headrace.ports.outbound import NoAnswer, OutboundRequest, OutboundResponse
from headrace.stages.post import post, retry_after
from headrace.stages.tally import Tally, new_tallies, save
from tests.fakes.outbound import FakeOutbound
from tests.unit.stages.scene import PROJECT, Scene

REQUEST = OutboundRequest("http://agent.example/", b"[]")


@pytest.mark.parametrize(
    ("answer", "verdict", "everyone"),
    [
        (200, "done", False),
        (500, "retry", False),
        (503, "retry", True),
        (404, "refused", False),
        (410, "gone", False),
        (NoAnswer("is away"), "retry", True),
    ],
)
def test_what_comes_back_means_something(answer, verdict, everyone):
    found, took = post(REQUEST, FakeOutbound(answer))
    assert (found.verdict, found.everyone) == (verdict, everyone)
    assert took >= timedelta(0)


def test_what_cannot_be_sent_is_refused_with_the_reason():
    found, _ = post(OutboundRequest("banana", b""), FakeOutbound())
    assert (found.verdict, "URL" in found.reason) == ("refused", True)


def test_the_wish_of_the_other_side_comes_along():
    found, _ = post(REQUEST, FakeOutbound(OutboundResponse(429, {"Retry-After": "7"}, b"")))
    assert found.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("", None),
        ("7", timedelta(seconds=7)),
        (" 7 ", timedelta(seconds=7)),
        ("0", timedelta(0)),
        ("soon", None),
        ("-7", None),
        ("1.5", None),
        ("²", None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", None),
        ("Mon, 01 Jan 2001 00:00:00 -0000", None),
        ("Fri, 99 Foo 2100 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_or_ignored(header, wait):
    assert retry_after(header) == wait


def test_an_enormous_wait_is_no_overflow():
    assert retry_after("9" * 5000) > timedelta(days=365)


def test_a_date_means_the_time_until_then():
    moment = datetime.now(UTC) + timedelta(hours=1)
    assert timedelta(minutes=58) < retry_after(format_datetime(moment, usegmt=True)) <= timedelta(hours=1)


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_no_header_breaks_anything(header):
    found = retry_after(header)
    assert found is None or found >= timedelta(0)


@given(st.tuples(st.integers(0, 10**6), st.integers(-(10**6), 10**6), st.integers(0, 99)))
def test_no_date_breaks_anything(parts):
    year, zone, day = parts
    found = retry_after(f"Mon, {day} Jan {year} 00:00:00 {zone:+05}")
    assert found is None or found > timedelta(0)


# --- tallies --------------------------------------------------------------------------------------------------


def test_counts_add_up_and_last_words_replace_each_other():
    scene = Scene()
    for number in (1, 2):
        save(scene.telemetry, PROJECT, Tally(Counter(delivered=number, filtered=0), {"agent_last_error": f"e{number}"}))
    assert scene.counters == {"delivered": 3, "agent_last_error": "e2"}


def test_nothing_done_is_nothing_written():
    scene = Scene()
    save(scene.telemetry, PROJECT, Tally(Counter(delivered=0)))
    assert scene.telemetry.items == []


@pytest.mark.parametrize("problem", [Unavailable("down"), Conflict("taken")])
def test_counts_that_cannot_be_written_are_told_and_break_nothing(problem):
    scene = Scene()
    scene.telemetry.outage = problem
    save(scene.telemetry, PROJECT, Tally(Counter(delivered=3)))
    assert [event["counts"] for event in scene.events if event["event"] == "counts_lost"] == [{"delivered": 3}]


def test_each_project_has_a_tally_of_its_own():
    tallies = new_tallies()
    tallies["a"].counts["x"] += 1
    assert (tallies["a"].counts["x"], tallies["b"].counts["x"]) == (1, 0)
