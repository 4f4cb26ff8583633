"""The bus on SQS beyond its contract: limits of SQS, calls that fail in part or altogether, and regions of doubt.

MiniStack refuses an old receipt as soon as a message was delivered again. SQS may still honour it, so that a worker
who lost a message can delete it after all: its work is done then, and no record is lost by that.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from headrace.errors import TooLarge, Unavailable
from headrace.ports.bus import DeadLetter, Message, QueueStats
from tests.engines.aws_proxy import AwsProxy, hang_up, hang_up_after, refusal, reply
from tests.engines.ministack import MinistackClock, client, make_queue
from tests.engines.sqs_consumer import Consumer
from tests.fakes.clock import START_UNIX_NANO

pytestmark = pytest.mark.connected

LEASE = timedelta(seconds=30)


@pytest.fixture
def clock(ministack) -> MinistackClock:
    return MinistackClock(ministack)


@pytest.fixture
def bus(clock, aws_proxy) -> Iterator[Consumer]:
    make_queue("q", receive_limit=3)
    bus = Consumer(clock, receive_limit=3, queue_prefix="gf-ai")
    yield bus
    bus.close()


def take(bus: Consumer) -> list[str]:
    return [message.body for message in bus.receive("q", limit=1000, lease=LEASE)]


def listed(bus: Consumer) -> list[DeadLetter]:
    letters, cursor = [], None
    while True:
        page = bus.dead_letters("q", limit=10, cursor=cursor)
        letters += page.items
        cursor = page.next_cursor
        if cursor is None:
            return letters


def bury(bus: Consumer, count: int) -> None:
    bus.dead_letter("q", [Message(f"{number:03}") for number in range(count)], "why")


# --- publishing ----------------------------------------------------------------------------------------------


def test_messages_go_in_calls_of_ten_and_of_one_mib(bus, aws_proxy):
    bus.publish("q", [Message(str(number)) for number in range(25)])
    assert aws_proxy.calls.count("SendMessageBatch") == 3
    bus.publish("q", [Message("x" * 300 * 1024)] * 4)
    assert aws_proxy.calls.count("SendMessageBatch") == 5
    assert len(take(bus)) == 29


def test_one_oversize_record_fits_into_a_message_and_more_than_sqs_takes_is_too_large(bus):
    bus.publish("q", [Message("x" * 1_000_000, {"name": "value"})])
    with pytest.raises(TooLarge) as refused:
        bus.publish("q", [Message("ok"), Message("x" * 1024 * 1024, {"name": "value"})])
    assert (refused.value.limit_bytes, refused.value.size_bytes) == (1024 * 1024, 1024 * 1024 + 15)
    assert [len(body) for body in take(bus)] == [1_000_000]


def test_what_fails_alone_is_sent_again_alone(bus, aws_proxy: AwsProxy):
    failed = [{"Id": place, "Code": "InternalError", "SenderFault": False} for place in "02"]
    done = {"Id": "1", "MessageId": "done", "MD5OfMessageBody": "92eb5ffee6ae2fec3ad71c777531578f"}
    aws_proxy.spoil("SendMessageBatch", reply(Successful=[done], Failed=failed))
    first, second, third = bus.publish("q", [Message("a"), Message("b"), Message("c")])
    assert second == "done"
    found = {message.id: message.body for message in bus.receive("q", limit=10, lease=LEASE)}
    assert found == {first: "a", third: "c"}


def test_what_fails_each_time_is_unavailable(bus, aws_proxy: AwsProxy):
    failed = [{"Id": "0", "Code": "InternalError", "SenderFault": False}]
    aws_proxy.spoil("SendMessageBatch", reply(Failed=failed), times=4)
    with pytest.raises(Unavailable, match="InternalError"):
        bus.publish("q", [Message("a")])


@pytest.mark.parametrize(
    "spoiler",
    [refusal(400, "RequestThrottled"), refusal(500, "InternalFailure"), refusal(503, "ServiceUnavailable"), hang_up],
    ids=["throttled", "500", "503", "hang up"],
)
def test_a_failed_call_is_repeated_and_then_unavailable(bus, aws_proxy: AwsProxy, spoiler):
    aws_proxy.spoil("SendMessageBatch", spoiler, times=2)
    bus.publish("q", [Message("a")])
    aws_proxy.spoil("SendMessageBatch", spoiler, times=3)
    with pytest.raises(Unavailable):
        bus.publish("q", [Message("b")])
    assert take(bus) == ["a"]


def test_an_answer_that_got_lost_costs_a_duplicate_and_no_loss(bus, aws_proxy: AwsProxy):
    aws_proxy.spoil("SendMessageBatch", hang_up_after)
    (message_id,) = bus.publish("q", [Message("a")])
    found = bus.receive("q", limit=10, lease=LEASE)
    assert [message.body for message in found] == ["a", "a"]
    assert message_id in [message.id for message in found]


def test_a_queue_that_is_not_there_yet_is_unavailable_and_then_found(bus):
    for call in (
        lambda: bus.publish("late", [Message("a")]),
        lambda: bus.dead_letter("late", [Message("a")], "why"),
    ):
        with pytest.raises(Unavailable, match="there is no queue late"):
            call()
    make_queue("late", receive_limit=3)
    bus.publish("late", [Message("a")])
    assert bus.stats("late") == QueueStats(1, 0, 0)


def test_a_queue_that_was_removed_is_forgotten(bus):
    bus.publish("q", [Message("a")])
    held = bus.receive("q", limit=10, lease=LEASE)
    sqs = client("sqs")
    for name in ("q", "q-dlq"):
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
    sqs.close()
    bus.retry_later(held, timedelta(seconds=1))
    assert bus.stats("q") == QueueStats(0, 0, 0)
    with pytest.raises(Unavailable):
        bus.publish("q", [Message("a")])


def test_a_ping_asks_the_engine_each_time(bus, aws_proxy: AwsProxy):
    bus.ping()
    aws_proxy.spoil("", hang_up, times=3)
    with pytest.raises(Unavailable):
        bus.ping()


# --- deliveries ----------------------------------------------------------------------------------------------


def test_a_delivery_says_what_it_is(bus, clock):
    clock.advance(milliseconds=1234)
    (message_id,) = bus.publish("q", [Message("body", {"a": "b"})])
    (message,) = bus.receive("q", limit=10, lease=LEASE)
    assert (message.id, message.queue, message.receive_count) == (message_id, "q", 1)
    assert message.sent_unix_nano == START_UNIX_NANO + 1_234_000_000


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (timedelta(milliseconds=1), timedelta(seconds=1)),
        (timedelta(hours=6), timedelta(hours=6)),
        (timedelta(hours=12), timedelta(hours=11, minutes=45)),
    ],
)
def test_retry_later_waits_whole_seconds_within_the_twelve_hours_of_sqs(bus, clock, asked, kept):
    bus.publish("q", [Message("a")])
    bus.retry_later(bus.receive("q", limit=10, lease=LEASE), asked)
    clock.advance(kept - timedelta(milliseconds=1))
    assert take(bus) == []
    clock.advance(milliseconds=1)
    assert take(bus) == ["a"]


def test_a_second_delivery_while_the_first_try_still_runs_is_not_disturbed_by_it(bus, clock):
    bus.publish("q", [Message("a")])
    (slow,) = bus.receive("q", limit=10, lease=LEASE)
    clock.advance(LEASE)
    (quick,) = bus.receive("q", limit=10, lease=LEASE)
    assert (quick.id, quick.receive_count) == (slow.id, 2)
    bus.retry_later([slow], timedelta(0))
    assert take(bus) == []
    bus.acknowledge([quick])
    clock.advance(timedelta(hours=1))
    assert (take(bus), bus.stats("q")) == ([], QueueStats(0, 0, 0))


def test_after_a_crash_between_delivery_and_acknowledgement_a_message_comes_back(bus, clock):
    (message_id,) = bus.publish("q", [Message("a")])
    bus.receive("q", limit=10, lease=LEASE)
    clock.advance(LEASE)
    (again,) = bus.receive("q", limit=10, lease=LEASE)
    assert (again.id, again.receive_count) == (message_id, 2)
    bus.acknowledge([again])
    clock.advance(LEASE)
    assert bus.stats("q") == QueueStats(0, 0, 0)


# --- dead letters --------------------------------------------------------------------------------------------


def test_what_sqs_gave_up_is_told_from_what_was_buried(bus, clock):
    (message_id,) = bus.publish("q", [Message("worn out", {"a": "b"})])
    for _ in range(3):
        assert take(bus) == ["worn out"]
        clock.advance(LEASE)
    assert take(bus) == []
    bus.dead_letter("q", [Message("buried")], "the agent answered 404")
    worn_out, buried = listed(bus)
    reason = "delivered 3 times without being dealt with"
    assert worn_out == DeadLetter(message_id, "worn out", {"a": "b"}, reason, 3, START_UNIX_NANO)
    assert (buried.body, buried.reason, buried.receive_count) == ("buried", "the agent answered 404", 0)
    assert bus.redrive("q") == 2
    assert sorted(take(bus)) == ["buried", "worn out"]


def test_a_letter_with_ten_attributes_keeps_them_and_its_reason(bus):
    attributes = {f"name-{number}": str(number) for number in range(10)}
    bus.dead_letter("q", [Message("a", attributes)], "why ✓")
    (letter,) = listed(bus)
    assert (dict(letter.attributes), letter.reason) == (attributes, "why ✓")
    bus.redrive("q")
    (message,) = bus.receive("q", limit=10, lease=LEASE)
    assert dict(message.attributes) == attributes


def test_looking_at_letters_takes_none_of_them_away(bus):
    bury(bus, 25)
    first, second = listed(bus), listed(bus)
    assert first == second
    assert sorted(letter.body for letter in first) == [f"{number:03}" for number in range(25)]
    assert bus.stats("q") == QueueStats(0, 0, 25)


def test_letters_of_the_same_moment_are_listed_once_each(bus):
    bury(bus, 25)
    assert len({letter.id for letter in listed(bus)}) == 25


def test_some_of_many_letters_are_found_wherever_they_are(bus):
    bury(bus, 35)
    chosen = [letter.id for letter in listed(bus)][::7]
    assert bus.discard("q", chosen) == 5
    assert bus.redrive("q", chosen) == 0
    assert bus.redrive("q") == 30
    assert bus.stats("q") == QueueStats(30, 0, 0)


def test_letters_that_die_while_others_are_redriven_are_left(bus, clock):
    bury(bus, 3)
    clock.advance(seconds=1)
    now = clock.now_unix_nano()
    bus._clock = type("Earlier", (), {"now_unix_nano": lambda self: now - 10**9})()
    bus.dead_letter("q", [Message("new")], "why")
    assert bus.redrive("q") == 3
    assert [letter.body for letter in listed(bus)] == ["new"]


def test_two_who_discard_at_once_never_count_a_letter_twice(bus, clock):
    clock.follow_real_time()
    bury(bus, 60)
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: bus.discard("q"), range(4)))
    assert sum(counts) == 60
    assert bus.stats("q") == QueueStats(0, 0, 0)


def test_redriving_that_dies_half_way_leaves_the_letter_too(bus, aws_proxy: AwsProxy):
    bury(bus, 2)
    aws_proxy.spoil("DeleteMessageBatch", hang_up, times=3)
    with pytest.raises(Unavailable):
        bus.redrive("q")
    assert sorted(letter.body for letter in listed(bus)) == ["000", "001"]
    assert sorted(take(bus)) == ["000", "001"]


def test_what_a_stranger_put_among_the_letters_can_be_looked_at(bus):
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName="q-dlq")["QueueUrl"]
    binary = {"DataType": "Binary", "BinaryValue": b"\0"}
    sqs.send_message(QueueUrl=url, MessageBody="strange", MessageAttributes={"raw": binary})
    sqs.close()
    (letter,) = listed(bus)
    assert (letter.body, dict(letter.attributes)) == ("strange", {"raw": ""})
