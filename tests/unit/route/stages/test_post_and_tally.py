from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Conflict, Unavailable
from headrace.intake.stages import tally
from headrace.intake.stages.tally import Tally, new_tallies, save
from headrace.ports.outbound import NoAnswer, OutboundRequest, OutboundResponse
from headrace.ports.table import Update
from headrace.route.stages.post import post, retry_after
from tests.fakes.clock import FakeClock
from tests.fakes.outbound import FakeOutbound
from tests.fakes.table import FakeTable
from tests.flow.waiting import wait_until
from tests.unit.scene import PROJECT, Scene

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


class _SlowTable(FakeTable):
    """Its first write waits until it is let go."""

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.writes, self.began, self.go_on = 0, Event(), Event()

    def update(self, change: Update) -> dict[str, Any]:
        self.writes += 1
        if self.writes == 1:
            self.began.set()
            assert self.go_on.wait(60)
        return super().update(change)


def test_who_counts_while_others_write_shares_the_next_write_and_nothing_is_lost():
    table = _SlowTable()
    with ThreadPoolExecutor(12) as threads:
        saves = [threads.submit(save, table, "p", Tally(Counter(accepted=1)))]
        assert table.began.wait(60)
        saves += [threads.submit(save, table, "p", Tally(Counter(accepted=10))) for _ in range(10)]
        wait_until(lambda: waiting() == 10, "all have joined")
        table.go_on.set()
        items_after = [each.result() for each in saves]
    assert table.writes == 2
    assert [each["accepted"] for each in items_after] == [1, *[101] * 10]


def waiting() -> int:
    """Callers that have joined the next write."""
    return sum(shared.tally.counts["accepted"] // 10 for shared in tally._shared.values())


def test_those_who_share_a_write_that_fails_all_go_on():
    table = _SlowTable()
    with ThreadPoolExecutor(3) as threads:
        saves = [threads.submit(save, table, "p", Tally(Counter(accepted=1)))]
        assert table.began.wait(60)
        saves += [threads.submit(save, table, "p", Tally(Counter(accepted=10))) for _ in range(2)]
        wait_until(lambda: waiting() == 2, "both have joined")
        table.outage = Unavailable("down")
        table.go_on.set()
        assert [each.result() for each in saves] == [None] * 3


@pytest.mark.parametrize(
    ("turns", "failing_since", "over"),
    [("ok", None, True), ("bad", "1", False), ("ok bad", "2", True), ("bad ok", None, True), ("bad bad", "1", False)],
)
def test_what_two_did_one_after_the_other_is_what_both_did(turns, failing_since, over):
    both = Tally()
    for number, turn in enumerate(turns.split(), 1):
        one = Tally(Counter(sent=1))
        if turn == "ok":
            one.succeeded(number)
        else:
            one.failed(number, f"error {number}")
        both.add(one)
    assert both.counts["sent"] == len(turns.split())
    assert (both.first.get("failing_since"), "failing_since" in both.over) == (failing_since, over)
