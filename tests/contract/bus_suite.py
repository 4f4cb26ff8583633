"""What every Bus that the pump reads does, written once. An adapter's test class inherits both halves:

class TestMyBus(BusContract, SourceContract):
    @pytest.fixture
    def bus(self, clock): ...     # with `receive_limit=RECEIVE_LIMIT`, leases and delays by `clock`

It is longer than other modules so that the contract can be read in one place.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from headrace.errors import InvalidInput
from headrace.ports.bus import DeadLetter, Due, Message, QueueStats, Received
from tests.fakes.clock import START_UNIX_NANO, FakeClock

RECEIVE_LIMIT = 3
LEASE = timedelta(seconds=20)
LONGEST_BACK_OFF = timedelta(minutes=5)
"""The longest that an engine may keep a released message back."""

AWKWARD = 'naïve ✓ 🜁 \U0010ffff \x01\t\n\r \u2028 \'quoted\' "double" {"json": [1]}'


def publish(bus: Any, *bodies: str, queue: str = "q", **how: Any) -> list[str]:
    return bus.publish(queue, [Message(body) for body in bodies], **how)


def take(bus: Any, queue: str = "q", limit: int = 100) -> list[Received]:
    return bus.receive(queue, limit=limit, lease=LEASE)


def bodies(messages: Any) -> list[str]:
    return [message.body for message in messages]


def wear_out(bus: Any, clock: FakeClock, queue: str = "q") -> None:
    """Deliver what is on `queue` until the engine gives it up."""
    for _ in range(RECEIVE_LIMIT):
        assert take(bus, queue)
        clock.advance(LEASE)
    assert take(bus, queue) == []


class _StandingStill:
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()


class BusContract(_StandingStill):
    """Publishing, counting and dead letters: what functions see."""

    def test_ids_come_back_in_order_and_name_the_messages(self, bus):
        ids = publish(bus, "a", "b", "c")
        assert {message.id: message.body for message in take(bus)} == dict(zip(ids, "abc", strict=True))

    def test_nothing_published_is_nothing_stored(self, bus):
        assert bus.publish("q", []) == []
        assert bus.stats("q") == QueueStats(0, 0, 0)

    @pytest.mark.parametrize("body", ["", AWKWARD, "x" * 256 * 1024, "é" * 128 * 1024], ids=len)
    def test_body_and_attributes_come_out_as_they_went_in(self, bus, body):
        attributes = {f"name_{number}": AWKWARD for number in range(9)} | {"name-with.dots": "1"}
        bus.publish("q", [Message(body, attributes)])
        (message,) = take(bus)
        assert (message.body, dict(message.attributes)) == (body, attributes)

    def test_a_delayed_message_waits_for_its_time_and_counts_as_waiting(self, bus, clock):
        publish(bus, "later", delay=timedelta(minutes=15))
        clock.advance(timedelta(minutes=15) - timedelta(microseconds=1))
        assert (take(bus), bus.stats("q").depth) == ([], 1)
        clock.advance(microseconds=1)
        assert bodies(take(bus)) == ["later"]

    def test_counts_follow_a_message_from_waiting_to_done(self, bus, clock):
        publish(bus, "a", "b", "c")
        assert bus.stats("q") == QueueStats(3, 0, 0)
        first, _ = take(bus, limit=2)
        assert bus.stats("q") == QueueStats(1, 2, 0)
        bus.acknowledge([first])
        assert bus.stats("q") == QueueStats(1, 1, 0)
        clock.advance(LEASE)
        assert bus.stats("q") == QueueStats(2, 0, 0)

    def test_an_unknown_queue_is_empty_in_every_way(self, bus):
        assert bus.stats("nobody") == QueueStats(0, 0, 0)
        assert take(bus, "nobody") == []
        assert (bus.dead_letters("nobody").items, bus.dead_letters("nobody").next_cursor) == ([], None)
        assert (bus.redrive("nobody"), bus.discard("nobody")) == (0, 0)

    def test_queues_do_not_see_each_other(self, bus):
        publish(bus, "a", queue="one")
        publish(bus, "b", queue="two")
        bus.dead_letter("one", [Message("dead")], "why")
        assert (bus.stats("one"), bus.stats("two")) == (QueueStats(1, 0, 1), QueueStats(1, 0, 0))
        assert bodies(take(bus, "two")) == ["b"]
        assert bus.discard("two") == 0

    def test_a_dead_letter_keeps_the_message_and_says_why(self, bus, clock):
        clock.advance(seconds=5)
        bus.dead_letter("q", [Message("body", {"a": AWKWARD})], "the agent answered 404")
        (letter,) = bus.dead_letters("q").items
        assert letter == DeadLetter(
            letter.id, "body", {"a": AWKWARD}, "the agent answered 404", 0, START_UNIX_NANO + 5 * 10**9
        )
        assert take(bus) == []

    def test_dead_letters_are_listed_oldest_first_page_by_page(self, bus, clock):
        for number in range(5):
            bus.dead_letter("q", [Message(str(number))], "why")
            bus.dead_letter("other", [Message("other")], "why")
            clock.advance(seconds=1)
        listed, cursor = [], None
        for expected in (2, 2, 1):
            page = bus.dead_letters("q", limit=2, cursor=cursor)
            assert len(page.items) == expected
            listed, cursor = listed + bodies(page.items), page.next_cursor
        assert (listed, cursor) == (["0", "1", "2", "3", "4"], None)

    def test_a_page_that_is_just_full_and_the_last_has_no_cursor(self, bus):
        bus.dead_letter("q", [Message("a"), Message("b")], "why")
        assert bus.dead_letters("q", limit=2).next_cursor is None

    @pytest.mark.parametrize("cursor", ["", "banana", "-1", "²", "1.5", "9" * 30, "9" * 5000], ids=lambda c: c[:9])
    def test_a_made_up_cursor_is_invalid_input(self, bus, cursor):
        with pytest.raises(InvalidInput) as caught:
            bus.dead_letters("q", cursor=cursor)
        assert caught.value.field == "cursor"

    def test_redrive_gives_all_dead_letters_a_new_start(self, bus, clock):
        publish(bus, "a")
        wear_out(bus, clock)
        bus.dead_letter("q", [Message("b", {"k": "v"})], "why")
        assert bus.redrive("q") == 2
        assert bus.stats("q") == QueueStats(2, 0, 0)
        messages = take(bus)
        assert sorted((m.body, m.receive_count, dict(m.attributes)) for m in messages) == [
            ("a", 1, {}),
            ("b", 1, {"k": "v"}),
        ]

    def test_redrive_and_discard_of_some_leave_the_others(self, bus):
        bus.dead_letter("q", [Message("a"), Message("b"), Message("c")], "why")
        first, second, third = bus.dead_letters("q").items
        assert bus.redrive("q", [first.id, "unknown"]) == 1
        assert bus.discard("q", [second.id]) == 1
        assert bus.discard("other", [third.id]) == 0
        assert (bus.redrive("q", []), bus.discard("q", [])) == (0, 0)
        assert bodies(take(bus)) == [first.body]
        assert bodies(bus.dead_letters("q").items) == [third.body]

    def test_discard_removes_all_dead_letters_for_good(self, bus):
        bus.dead_letter("q", [Message("a"), Message("b")], "why")
        publish(bus, "alive")
        assert bus.discard("q") == 2
        assert bus.stats("q") == QueueStats(1, 0, 0)

    def test_a_bus_that_is_up_answers_a_ping(self, bus):
        assert bus.ping() is None

    def test_sixteen_threads_publish_without_loss_or_mix_up(self, bus):
        barrier = threading.Barrier(16)

        def work(thread: int) -> dict[str, str]:
            barrier.wait(10)
            named = [f"{thread}-{number}" for number in range(20)]
            return dict(zip(publish(bus, *named[:10]) + publish(bus, *named[10:]), named, strict=True))

        with ThreadPoolExecutor(16) as pool:
            published = {key: body for part in pool.map(work, range(16)) for key, body in part.items()}
        assert {message.id: message.body for message in take(bus, limit=1000)} == published
        assert len(published) == 320


class SourceContract(_StandingStill):
    """Leases and deliveries: what the pump sees."""

    def test_a_received_message_says_what_it_is(self, bus, clock):
        clock.advance(seconds=1)
        (message_id,) = publish(bus, "body")
        (message,) = take(bus)
        assert (message.id, message.queue, message.receive_count) == (message_id, "q", 1)
        assert message.sent_unix_nano == START_UNIX_NANO + 10**9

    def test_no_more_than_the_limit_is_received_and_never_the_same_twice(self, bus):
        publish(bus, *"abcde")
        parts = [take(bus, limit=2) for _ in range(4)]
        assert [len(part) for part in parts] == [2, 2, 1, 0]
        assert sorted(bodies(parts[0] + parts[1] + parts[2])) == list("abcde")

    def test_acknowledged_messages_never_come_back(self, bus, clock):
        publish(bus, "a", "b")
        messages = take(bus)
        bus.acknowledge([each for each in messages if each.body == "a"])
        clock.advance(LEASE)
        assert bodies(take(bus)) == ["b"]

    def test_work_that_is_done_after_its_lease_need_not_be_done_again(self, bus, clock):
        publish(bus, "a")
        messages = take(bus)
        clock.advance(2 * LEASE)
        bus.acknowledge(messages)
        assert (take(bus), bus.stats("q").depth) == ([], 0)

    def test_a_message_whose_lease_ran_out_is_delivered_again_and_counted(self, bus, clock):
        publish(bus, "a")
        (first,) = take(bus)
        clock.advance(LEASE - timedelta(microseconds=1))
        assert take(bus) == []
        clock.advance(microseconds=1)
        (second,) = take(bus)
        assert (second.id, second.receive_count, second.sent_unix_nano) == (first.id, 2, first.sent_unix_nano)
        assert second.receipt != first.receipt

    def test_over_the_receive_limit_a_message_becomes_a_dead_letter_with_the_reason(self, bus, clock):
        (message_id,) = bus.publish("q", [Message("a", {"k": "v"})])
        wear_out(bus, clock)
        (letter,) = bus.dead_letters("q").items
        assert (letter.id, letter.body, dict(letter.attributes)) == (message_id, "a", {"k": "v"})
        assert (letter.receive_count, letter.dead_unix_nano) == (RECEIVE_LIMIT, clock.now_unix_nano())
        assert letter.reason == f"delivered {RECEIVE_LIMIT} times without being dealt with"
        assert bus.stats("q") == QueueStats(0, 0, 1)

    def test_a_worn_out_message_takes_none_of_its_neighbours_with_it(self, bus, clock):
        publish(bus, "old")
        for _ in range(RECEIVE_LIMIT):
            take(bus)
            clock.advance(LEASE)
        publish(bus, "new")
        assert bodies(take(bus)) == ["new"]
        assert bodies(bus.dead_letters("q").items) == ["old"]

    def test_an_extended_lease_counts_from_now(self, bus, clock):
        publish(bus, "a")
        messages = take(bus)
        clock.advance(seconds=15)
        bus.extend(messages, LEASE)
        clock.advance(LEASE - timedelta(microseconds=1))
        assert (take(bus), bus.stats("q").in_flight) == ([], 1)
        clock.advance(microseconds=1)
        assert bodies(take(bus)) == ["a"]

    def test_a_released_message_is_soon_delivered_again(self, bus, clock):
        publish(bus, "a")
        bus.release(take(bus))
        assert bus.stats("q") == QueueStats(1, 0, 0)
        clock.advance(LONGEST_BACK_OFF)
        (again,) = take(bus)
        assert (again.body, again.receive_count) == ("a", 2)

    def test_retry_later_decides_when_a_released_message_comes_back(self, bus, clock):
        publish(bus, "a")
        messages = take(bus)
        bus.retry_later(messages, timedelta(hours=12))
        bus.release(messages)
        assert bus.stats("q") == QueueStats(1, 0, 0)
        clock.advance(timedelta(hours=12) - timedelta(microseconds=1))
        assert take(bus) == []
        clock.advance(microseconds=1)
        assert [(each.body, each.receive_count) for each in take(bus)] == [("a", 2)]

    @pytest.mark.parametrize("late", ["release", "extend", "retry_later"])
    def test_who_lost_the_lease_changes_nothing_for_who_has_it_now(self, bus, clock, late):
        publish(bus, "a")
        lost = take(bus)
        clock.advance(LEASE)
        take(bus)
        arguments = {"release": (), "extend": (2 * LEASE,), "retry_later": (timedelta(0),)}[late]
        getattr(bus, late)(lost, *arguments)
        clock.advance(LEASE - timedelta(microseconds=1))
        assert (take(bus), bus.stats("q").in_flight) == ([], 1)
        clock.advance(microseconds=1)
        assert len(take(bus)) == 1

    def test_due_tells_how_many_and_since_when_for_each_queue(self, bus, clock):
        publish(bus, "a", queue="one")
        clock.advance(seconds=1)
        publish(bus, "b", "c", queue="one")
        publish(bus, "late", queue="two", delay=timedelta(seconds=5))
        assert bus.due() == {"one": Due(3, START_UNIX_NANO)}
        clock.advance(seconds=9)
        assert bus.due() == {"one": Due(3, START_UNIX_NANO), "two": Due(1, START_UNIX_NANO + 6 * 10**9)}

    def test_due_counts_no_further_than_ten(self, bus):
        publish(bus, *(str(number) for number in range(25)))
        assert bus.due()["q"].count == 10

    def test_what_is_leased_done_or_dead_is_not_due(self, bus, clock):
        publish(bus, "a")
        bus.dead_letter("dead", [Message("b")], "why")
        messages = take(bus)
        assert bus.due() == {}
        clock.advance(LEASE)
        assert bus.due() == {"q": Due(1, START_UNIX_NANO + 20 * 10**9)}
        bus.acknowledge(messages)
        assert bus.due() == {}

    def test_competing_consumers_share_the_messages_and_none_gets_one_twice(self, bus):
        publish(bus, *(str(number) for number in range(200)))

        def consume(_: int) -> list[Received]:
            taken = []
            while part := take(bus, limit=7):
                taken += part
            return taken

        with ThreadPoolExecutor(8) as pool:
            taken = [message for part in pool.map(consume, range(8)) for message in part]
        assert sorted(map(int, bodies(taken))) == list(range(200))

    def test_a_wake_before_the_wait_is_not_forgotten(self, bus):
        self._waits(bus, before=bus.wake)

    @pytest.mark.parametrize("news", ["publish", "wake"])
    def test_waiting_ends_with_news(self, bus, news):
        self._waits(bus, after=bus.wake if news == "wake" else lambda: publish(bus, "a"))

    def _waits(self, bus: Any, before: Any = None, after: Any = None) -> None:
        """A thread waits for an hour; what happens before or after its start has to end that."""
        if before:
            before()
        waiter = threading.Thread(target=bus.wait, args=(timedelta(hours=1),), daemon=True)
        waiter.start()
        if after:
            after()
        waiter.join(10)
        assert not waiter.is_alive()

    def test_waiting_ends_without_news_after_its_time(self, bus):
        bus.wait(timedelta(milliseconds=1))
        assert bus.due() == {}
