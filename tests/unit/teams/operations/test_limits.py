from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from headrace.errors import TooManyRequests
from headrace.teams.operations.limits import Limit, count_attempt, forgive, network
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable

LIMIT = Limit("test", 3, timedelta(minutes=1))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def table(clock) -> FakeTable:
    return FakeTable(clock)


def taken(table, clock, times, subject="ada", limit=LIMIT) -> int:
    """How many of so many attempts got through."""
    count = 0
    for _ in range(times):
        try:
            count_attempt(limit, subject, table, clock)
            count += 1
        except TooManyRequests:
            pass
    return count


def test_so_many_attempts_get_through_and_no_more(table, clock):
    assert taken(table, clock, 5) == 3


def test_each_subject_and_each_limit_counts_alone(table, clock):
    other = Limit("other", 2, timedelta(minutes=1))
    assert [taken(table, clock, 5), taken(table, clock, 5, "bob"), taken(table, clock, 5, limit=other)] == [3, 3, 2]


def test_the_limit_ends_when_it_says(table, clock):
    taken(table, clock, 3)
    with pytest.raises(TooManyRequests, match="more than 3 attempts in 1 minutes: wait") as caught:
        count_attempt(LIMIT, "ada", table, clock)
    clock.advance(caught.value.retry_after - timedelta(seconds=1))
    assert taken(table, clock, 1) == 0
    clock.advance(seconds=1)
    assert taken(table, clock, 5) == 3


def test_many_at_once_are_counted_one_by_one(table, clock):
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: taken(table, clock, 4), range(8))) == 3


def test_what_is_forgiven_does_not_count(table, clock):
    for _ in range(10):
        forgive(count_attempt(LIMIT, "ada", table, clock), table)
    assert taken(table, clock, 5) == 3


def test_forgiving_after_the_window_gives_nothing_to_the_next_one(table, clock):
    attempt = count_attempt(LIMIT, "ada", table, clock)
    clock.advance(LIMIT.window)
    forgive(attempt, table)
    assert table.items == []
    assert taken(table, clock, 5) == 3


def test_no_address_is_stored_as_it_is_and_nothing_for_long(table, clock):
    taken(table, clock, 1, "203.0.113.7")
    assert "203.0.113.7" not in str(table.items)
    clock.advance(LIMIT.window)
    assert table.items == []


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_limits_count_networks_that_one_customer_gets(address, counted):
    assert network(address) == counted
