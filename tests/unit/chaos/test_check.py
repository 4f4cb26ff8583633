"""The history checker can fail: each thing that may go wrong with a delivery is found, and nothing else is."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.chaos.check import REDELIVERED_WITHIN_SECONDS, Verdict, check
from tests.chaos.history import Dead, Ended, Event, History, Sent, Struck, Took, read
from tests.chaos.records import fate

NOON = 1000.0
KEPT, KEPT_TOO = 1, 2
FILTERED = 10
BROKEN = 4998


def verdict_on(*events: Event) -> Verdict:
    return check(lambda: events)


def sent(number: int, status: int = 200, at: float = NOON) -> Sent:
    return Sent(number, 1, status, at)


def took(*numbers: int, request_id: str = "a", at: float = NOON, done: bool = True) -> Took:
    return Took(request_id, "202" if done else "500", done, list(numbers), at)


def fault(kind: str, began: float = NOON, ended: float = NOON) -> Struck:
    return Struck(kind, "up 1", began, ended)


def test_the_numbers_of_these_tests_mean_what_their_names_say() -> None:
    assert [fate(number) for number in (KEPT, KEPT_TOO, FILTERED, BROKEN)] == ["kept", "kept", "filtered", "broken"]


def test_delivered_filtered_and_dead_records_balance_what_was_acknowledged() -> None:
    verdict = verdict_on(Sent(1, 10, 200), sent(BROKEN), took(*range(1, 10)), Dead("it fails", [BROKEN]), Ended(0))
    assert verdict.holds
    assert (verdict.acknowledged, verdict.delivered, verdict.filtered, verdict.dead) == (11, 9, 1, 1)


# --- what must be found --------------------------------------------------------------------------------------


def test_an_acknowledged_record_that_never_arrived_is_lost() -> None:
    verdict = verdict_on(sent(KEPT), sent(KEPT_TOO), took(KEPT))
    assert (verdict.lost, verdict.holds) == ([KEPT_TOO], False)


def test_a_record_that_the_agent_saw_but_did_not_take_is_lost() -> None:
    assert verdict_on(sent(KEPT), took(KEPT, done=False)).lost == [KEPT]


def test_a_record_whose_filter_fails_is_lost_unless_it_is_dead() -> None:
    assert verdict_on(sent(BROKEN)).lost == [BROKEN]


@pytest.mark.parametrize("number", [FILTERED, BROKEN])
def test_a_record_that_must_not_be_delivered_is_wrong_at_the_agent(number: int) -> None:
    verdict = verdict_on(sent(number), took(number), Dead("it fails", [BROKEN]))
    assert number in verdict.wrong
    assert not verdict.holds


@pytest.mark.parametrize("others", [[], [sent(KEPT_TOO, status=503)]], ids=["at all", "but others"])
def test_a_record_that_nobody_sent_is_wrong(others: list[Event]) -> None:
    assert verdict_on(*others, took(KEPT)).wrong == [KEPT]


def test_a_filtered_record_among_the_dead_letters_is_wrong() -> None:
    assert verdict_on(sent(FILTERED), Dead("why?", [FILTERED])).wrong == [FILTERED]


def test_a_request_id_that_comes_with_other_records_is_told() -> None:
    verdict = verdict_on(sent(KEPT), sent(KEPT_TOO), took(KEPT, done=False), took(KEPT, KEPT_TOO))
    assert (verdict.mixed, verdict.holds) == (["a"], False)


def test_messages_that_are_still_in_flight_leave_the_proof_open() -> None:
    assert not verdict_on(Ended(1)).holds


def test_a_second_delivery_under_another_id_without_any_fault_is_unexplained() -> None:
    verdict = verdict_on(sent(KEPT), took(KEPT), took(KEPT, request_id="b"))
    assert (verdict.unexplained, verdict.holds) == ([KEPT], False)


@pytest.mark.parametrize(
    "wrong_fault",
    [
        fault("agent fails"),
        fault("kill", NOON - 99, NOON - REDELIVERED_WITHIN_SECONDS - 1),
        fault("kill", NOON + 10, NOON + 11),
    ],
    ids=["of another kind", "long before", "afterwards"],
)
def test_a_fault_that_cannot_have_been_the_cause_explains_no_second_delivery(wrong_fault: Struck) -> None:
    verdict = verdict_on(sent(KEPT), wrong_fault, took(KEPT), took(KEPT, request_id="b", at=NOON + 1))
    assert verdict.unexplained == [KEPT]


def test_a_third_delivery_is_unexplained_when_the_client_sent_twice() -> None:
    deliveries = [took(KEPT, request_id=request_id) for request_id in "abc"]
    verdict = verdict_on(sent(KEPT), sent(KEPT), *deliveries)
    assert verdict.unexplained == [KEPT]
    assert verdict.duplicates["sent again by the client"] == 1


# --- what at-least-once allows -------------------------------------------------------------------------------


def assert_duplicate(cause: str, *events: Event) -> None:
    verdict = verdict_on(sent(KEPT), took(KEPT), *events)
    assert verdict.holds
    assert +verdict.duplicates == {cause: 1}


def test_a_second_delivery_under_the_same_id_needs_no_fault() -> None:
    assert_duplicate("under the same X-Request-ID", took(KEPT))


def test_what_a_client_sent_twice_may_come_twice_though_one_answer_was_lost() -> None:
    assert_duplicate("sent again by the client", sent(KEPT, status=0), took(KEPT, request_id="b"))


@pytest.mark.parametrize("kind", ["kill", "stop", "long stop", "broker", "database", "disk", "clock"])
def test_a_message_may_be_given_out_again_after_a_fault(kind: str) -> None:
    again = took(KEPT, request_id="b", at=NOON + 60)
    assert_duplicate("message given out again", fault(kind, NOON - 5, NOON - 1), again)


def test_what_was_not_acknowledged_may_come_or_not() -> None:
    verdict = verdict_on(sent(KEPT, status=503), sent(KEPT_TOO, status=0), took(KEPT_TOO))
    assert verdict.holds
    assert (verdict.acknowledged, verdict.unacknowledged) == (0, 1)


def test_a_record_that_is_delivered_and_dead_counts_once() -> None:
    verdict = verdict_on(sent(KEPT), took(KEPT), Dead("the agent was silent, after 6 attempts", [KEPT]))
    assert verdict.holds
    assert (verdict.delivered, verdict.dead) == (1, 0)


# --- its file ------------------------------------------------------------------------------------------------


def test_a_history_reads_as_it_was_written(tmp_path: Path) -> None:
    events: Iterable[Event] = [sent(KEPT), took(KEPT), fault("kill"), Dead("why", [BROKEN]), Ended(0)]
    history = History(tmp_path / "history.jsonl")
    for event in events:
        history.add(event)
    history.close()
    assert list(read(history.path)) == events
