"""One message a second, in the order in which turns were given out."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from headrace.route.domain.pace import Pace, hold, take_turn

NOW = 1_700_000_000_000
NOTHING, SECOND = timedelta(0), timedelta(seconds=1)


def waits(count, pace=Pace(), now=NOW):  # noqa: B008 - it is frozen
    found = []
    for _ in range(count):
        pace, wait = take_turn(pace, now, waited=False)
        found.append(wait)
    return pace, found


def test_of_a_burst_one_goes_and_the_others_get_turns_a_second_apart():
    assert waits(4)[1] == [NOTHING, SECOND, 2 * SECOND, 3 * SECOND]


def test_who_has_waited_goes_and_who_comes_then_stands_behind_those_who_wait():
    pace, _ = waits(3)
    pace, wait = take_turn(pace, NOW + 1000, waited=True)
    assert wait == NOTHING
    assert take_turn(pace, NOW + 1500, waited=False)[1] == timedelta(seconds=1.5)


def test_after_a_second_of_nothing_the_next_goes_at_once():
    pace, _ = waits(1)
    assert take_turn(pace, NOW + 999, waited=False)[1] == timedelta(milliseconds=1)
    assert take_turn(pace, NOW + 1000, waited=False)[1] == NOTHING


def test_who_has_waited_may_be_a_little_early_but_not_more():
    pace, _ = waits(1)
    assert take_turn(pace, NOW + 750, waited=True)[1] == NOTHING
    assert take_turn(pace, NOW + 749, waited=True)[1] > NOTHING


def test_turns_are_given_out_for_fourteen_minutes_and_who_comes_then_asks_again():
    pace, found = waits(1000)
    assert found[840] == timedelta(minutes=14) == found[-1]
    assert pace.queued_ms == NOW + 841_000


def test_what_the_webhook_wishes_moves_everything():
    pace = hold(waits(1)[0], NOW + 30_000)
    assert take_turn(pace, NOW + 1000, waited=True)[1] == timedelta(seconds=29)
    assert hold(pace, NOW) == pace


@given(st.lists(st.tuples(st.integers(0, 3000), st.booleans()), max_size=60))
def test_on_the_average_no_more_than_one_a_second_goes(steps):
    pace, now, gone = Pace(), NOW, []
    for step, waited in steps:
        now += step
        pace, wait = take_turn(pace, now, waited=waited)
        gone += [now] if wait == NOTHING else []
    assert all(later - gone[0] >= 1000 * number - 250 for number, later in enumerate(gone))
