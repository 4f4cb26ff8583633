import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.entry.queue import decode_failures, decode_message, door, encode_event, encode_failures
from headrace.entry.schedule import encode_event as encode_schedule
from headrace.errors import InvalidInput, Unavailable
from headrace.observability import listen
from headrace.ports.bus import Received
from tests.functions.events import Context, sqs_event, sqs_record

text = st.text(st.characters(exclude_categories=["Cs"]))
messages = st.builds(
    Received,
    id=st.uuids().map(str),
    queue=st.from_regex(r"[a-zA-Z0-9_-]{1,80}", fullmatch=True),
    body=text,
    attributes=st.dictionaries(text, text, max_size=10),
    receive_count=st.integers(1, 1000),
    receipt=text,
    sent_unix_nano=st.integers(0, 2**63 // 1_000_000).map(lambda ms: ms * 1_000_000),
)


def event_of(*ids):
    return sqs_event(*(sqs_record(each, "gf-ai-raw-p", "[]") for each in ids))


def failures(answer):
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


@given(st.lists(messages, max_size=3))
def test_messages_survive_as_an_event(given_messages):
    assert [decode_message(record) for record in encode_event(given_messages)["Records"]] == given_messages


def test_an_event_of_aws_is_understood():
    record = sqs_record("m-1", "gf-ai-raw-p", "[]", {"project_id": "p"}, receive_count=3)
    assert decode_message(record) == Received(
        "m-1", "gf-ai-raw-p", "[]", {"project_id": "p"}, 3, "AQEBm-1", 1705314600123 * 1_000_000
    )


def test_work_gets_the_messages_and_its_failures_go_out():
    got = []
    handler = door("test", lambda received, _: got.extend(received) or ["b"])
    assert failures(handler(event_of("a", "b", "c"), Context())) == ["b"]
    assert [message.id for message in got] == ["a", "b", "c"]


def test_nothing_that_threads_of_the_first_events_share_can_be_read_by_one_of_them_only():
    handler = door("test", lambda *_: [])
    assert [name for name, part in vars(handler).items() if isinstance(part, Iterator)] == []


def test_no_failures_is_an_empty_list():
    assert door("test", lambda *_: [])(event_of("a"), Context()) == {"batchItemFailures": []}


@pytest.mark.parametrize("error", [Unavailable("down"), InvalidInput("wrong"), KeyError("x"), MemoryError()])
def test_an_error_that_work_lets_through_brings_every_message_back(error):
    def work(*_):
        raise error

    assert failures(door("test", work)(event_of("a", "b"), Context())) == ["a", "b"]


def test_work_knows_how_much_time_is_left():
    context = Context(remaining_ms=1500)
    left = []
    door("test", lambda _, remaining: left.append(remaining()) or [])(event_of("a"), context)
    assert left == [timedelta(milliseconds=1500)]


MESSAGES = [Received(name, "q", "", {}, 1, "", 0) for name in "abc"]


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, ""),
        ({}, ""),
        ("text", ""),
        ({"batchItemFailures": None}, ""),
        ({"batchItemFailures": []}, ""),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, "b"),
        ({"batchItemFailures": [{"itemIdentifier": "c"}, {"itemIdentifier": "a"}]}, "ac"),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "nobody"}]}, "abc"),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, "abc"),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, "abc"),
        ({"batchItemFailures": [{}]}, "abc"),
    ],
)
def test_what_an_answer_says_about_failures_is_read_as_lambda_reads_it(answer, failed):
    assert sorted(message.id for message in decode_failures(answer, MESSAGES)) == sorted(failed)


@given(st.lists(st.sampled_from("abc"), unique=True))
def test_failures_survive_as_an_answer(ids):
    assert [message.id for message in decode_failures(encode_failures(ids), MESSAGES)] == ids


def test_a_scheduled_event_looks_as_event_bridge_sends_it():
    event = encode_schedule("MonitorFunction")
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["resources"] == ["arn:aws:events:local:000000000000:rule/MonitorFunction"]
    assert len(event["time"]) == len("2024-01-15T10:30:00Z")


@pytest.fixture
def events():
    heard = []
    unlisten = listen(heard.append)
    yield heard
    unlisten()


def aged(seconds, **attributes):
    """An event of one message that was sent so long ago."""
    record = sqs_record("m-1", "gf-ai-raw-p", "[]", attributes)
    record["attributes"]["SentTimestamp"] = str(int((time.time() - seconds) * 1000))
    return sqs_event(record)


def ages(events):
    return [(each["queue"], each["age_seconds"]) for each in events if each["event"] == "old_messages"]


def test_a_message_that_waited_long_is_told_of(events):
    door("test", lambda *_: [])(aged(3600), Context())
    ((queue, age),) = ages(events)
    assert queue == "gf-ai-raw-p"
    assert 3600 <= age < 3700


def test_a_message_that_was_sent_again_is_as_old_as_what_it_carries(events):
    received = time.time_ns() - 7200 * 10**9
    door("test", lambda *_: [])(aged(1, received_unix_nano=str(received)), Context())
    ((_, age),) = ages(events)
    assert 7200 <= age < 7300


@pytest.mark.parametrize("attributes", [{}, {"received_unix_nano": "some day"}])
def test_a_fresh_message_is_nothing_to_tell(events, attributes):
    door("test", lambda *_: [])(aged(10, **attributes), Context())
    assert ages(events) == []


def test_an_empty_event_has_no_age(events):
    assert door("test", lambda *_: [])({"Records": []}, Context()) == {"batchItemFailures": []}
    assert ages(events) == []
