from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from headrace.errors import Unavailable
from headrace.upkeep.operations.turns import take_turn
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable

EVERY = timedelta(minutes=5)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def table(clock):
    return FakeTable(clock)


def test_who_comes_first_has_the_turn_and_nobody_else_until_the_period_is_over(table, clock):
    assert take_turn("job", EVERY, table, clock)
    assert not take_turn("job", EVERY, table, clock)
    clock.advance(EVERY / 2)
    assert not take_turn("job", EVERY, table, clock)
    clock.advance(EVERY / 2)
    assert take_turn("job", EVERY, table, clock)


def test_a_timer_that_is_a_little_early_does_not_miss_its_turn(table, clock):
    assert take_turn("job", EVERY, table, clock)
    clock.advance(EVERY * 0.96)
    assert take_turn("job", EVERY, table, clock)


def test_when_whoever_had_the_turn_dies_another_has_the_next(table, clock):
    assert take_turn("job", EVERY, table, clock)
    clock.advance(10 * EVERY)
    assert [take_turn("job", EVERY, table, clock) for _ in range(3)] == [True, False, False]


def test_schedules_have_turns_of_their_own(table, clock):
    assert take_turn("one", EVERY, table, clock)
    assert take_turn("two", EVERY, table, clock)


def test_of_many_at_once_one_has_the_turn(table, clock):
    for _ in range(20):
        clock.advance(EVERY)
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda _: take_turn("job", EVERY, table, clock), range(8))) == 1


def test_without_the_table_nobody_can_tell(table, clock):
    table.outage = Unavailable("down")
    with pytest.raises(Unavailable):
        take_turn("job", EVERY, table, clock)
