"""How long is waited between tries, and when it is not tried again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from headrace_sdk import InvalidPayloadError, UnavailableError
from tests.sdk.loopback import reply


@pytest.mark.parametrize("status", [429, 503, 500, 408])
def test_a_refusal_with_retry_after_is_tried_again_after_that_time(headrace, receiver, naps, status):
    receiver.will(reply(status, b"", Retry_After="7"), reply())
    assert headrace.send_output({"a": 1}, request_id="batch-7").id == "message-1"
    assert naps == [7]
    assert [request.json for request in receiver.requests] == [{"a": 1}] * 2
    assert {request.headers["X-Request-ID"] for request in receiver.requests} == {"batch-7"}


def test_a_retry_after_that_is_a_date_is_understood(headrace, receiver, naps):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    receiver.will(reply(503, b"", Retry_After=soon), reply())
    headrace.send_output({})
    assert 15 < naps[0] <= 20


@pytest.mark.parametrize("value", ["3600", "31", "9" * 4000, "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_retry_after_longer_than_the_agent_waits_fails_at_once_and_says_how_long(headrace, receiver, naps, value):
    receiver.will(reply(503, {"detail": "maintenance"}, Retry_After=value))
    with pytest.raises(UnavailableError, match="maintenance") as failed:
        headrace.send_output({})
    assert failed.value.retry_after > timedelta(seconds=30)
    assert failed.value.status == 503
    assert len(receiver.requests) == 1
    assert naps == []


def test_how_long_the_agent_waits_can_be_set(connect, receiver, naps):
    receiver.will(reply(429, b"", Retry_After="3600"), reply())
    connect(max_retry_after=timedelta(hours=1)).send_output({})
    assert naps == [3600]


@pytest.mark.parametrize("value", ["soon", "", "-5", "1.5", "9" * 5000, "Mon, 99 Foo 2024 99:99:99 GMT"])
def test_an_unreadable_retry_after_is_no_reason_to_fail(headrace, receiver, value):
    receiver.will(reply(503, b"", Retry_After=value), reply())
    assert headrace.send_output({}).id == "message-1"


def test_the_last_refusal_says_when_to_come_back(connect, receiver, naps):
    receiver.will(reply(503, b"", Retry_After="7"))
    with pytest.raises(UnavailableError) as failed:
        connect(max_retries=1).send_output({})
    assert failed.value.retry_after == timedelta(seconds=7)
    assert naps == [7]


def test_waits_grow_with_jitter_and_are_never_over_eight_seconds(connect, receiver, naps):
    receiver.will(reply(500, b""))
    with pytest.raises(UnavailableError):
        connect(max_retries=8).send_output({})
    assert len(receiver.requests) == 9
    for wait, base in zip(naps, [0.5, 1, 2, 4, 8, 8, 8], strict=True):
        assert base <= wait <= min(base + 0.5, 8)
    assert any(wait not in (0.5, 1, 2, 4) for wait in naps[:4]), "jitter"


def test_without_retries_the_first_refusal_is_the_last(connect, receiver, naps):
    receiver.will(reply(503, b"", Retry_After="1"))
    with pytest.raises(UnavailableError):
        connect(max_retries=0).send_output({})
    assert len(receiver.requests) == 1
    assert naps == []


def test_a_413_with_retry_after_is_not_sent_again(headrace, receiver):
    receiver.will(reply(413, b"", Retry_After="1"))
    with pytest.raises(InvalidPayloadError):
        headrace.send_output({})
    assert len(receiver.requests) == 1
