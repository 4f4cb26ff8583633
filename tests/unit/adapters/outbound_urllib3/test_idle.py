"""Connections that wait: the freshest first, not too many, none after closing."""

from typing import Any, cast

from headrace.adapters.outbound_urllib3.idle import IdleConnections

A, B = ("http", "a", 80), ("http", "b", 80)


class FakeConnection:
    def __init__(self) -> None:
        self.is_usable = True
        self.closed = False

    def rest(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def connections(count: int) -> list[Any]:
    return [FakeConnection() for _ in range(count)]


def test_the_connection_used_last_is_taken_first():
    idle, (first, second, other) = IdleConnections(), connections(3)
    idle.put(A, first)
    idle.put(A, second)
    idle.put(B, other)
    assert [idle.take(A), idle.take(A), idle.take(A), idle.take(B)] == [second, first, None, other]


def test_a_connection_that_is_no_longer_usable_is_closed_and_passed_over():
    idle, (good, bad) = IdleConnections(), connections(2)
    idle.put(A, good)
    idle.put(A, bad)
    bad.is_usable = False
    assert idle.take(A) is good
    assert (good.closed, bad.closed) == (False, True)


def test_when_there_are_too_many_the_origin_used_longest_ago_gives_one_up():
    idle, (a1, a2, b1, b2) = IdleConnections(most=3), connections(4)
    for origin, connection in ((A, a1), (A, a2), (B, b1), (B, b2)):
        idle.put(origin, connection)
    assert [each.closed for each in (a1, a2, b1, b2)] == [True, False, False, False]
    assert [idle.take(A), idle.take(A), idle.take(B), idle.take(B)] == [a2, None, b2, b1]


def test_closing_closes_what_waits_and_what_comes_later():
    idle, (before, after) = IdleConnections(), connections(2)
    idle.put(A, before)
    idle.close()
    idle.put(A, after)
    assert (before.closed, after.closed, idle.take(A)) == (True, True, None)


def test_an_origin_that_is_taken_from_and_given_back_for_ever_leaves_nothing_behind():
    idle = IdleConnections(most=2)
    for number in range(100):
        origin = ("http", f"host-{number}", 80)
        idle.put(origin, cast(Any, FakeConnection()))
        assert idle.take(origin) is not None
    assert idle.take(("http", "host-1", 80)) is None
