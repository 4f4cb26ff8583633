"""What cannot be sent is refused before it leaves, with the place and the reason."""

import math
from datetime import UTC, datetime

import pytest

from headrace_sdk import InvalidPayloadError

LIMIT_BYTES = 256 * 1024


class Custom:
    pass


@pytest.mark.parametrize(
    ("payload", "path", "reason"),
    [
        ({"results": [0, {"at": datetime(2024, 1, 1, tzinfo=UTC)}]}, "$.results[1].at", "is a datetime"),
        ({"score": math.nan}, "$.score", "is nan"),
        ([math.inf], "$[0]", "is inf"),
        ({"a b": {1, 2}}, "$['a b']", "is a set"),
        (Custom(), "$", "is a Custom"),
        ({"raw": b"bytes"}, "$.raw", "is a bytes"),
        ({"map": {(1, 2): 3}}, "$.map", "has a key that is a tuple"),
        ({"text": "torn \ud83d"}, "$.text", "lone surrogate"),
        ({math.nan: 1}, "$[nan]", "is nan"),
    ],
)
def test_a_value_that_json_does_not_have_is_refused_with_its_path(headrace, receiver, payload, path, reason):
    with pytest.raises(InvalidPayloadError, match=reason) as refused:
        headrace.send_output(payload)
    assert refused.value.path == path
    assert path in str(refused.value)
    assert receiver.requests == []


def test_a_payload_that_contains_itself_is_refused(headrace):
    payload = {"items": []}
    payload["items"].append(payload)
    with pytest.raises(InvalidPayloadError, match=r"\$\.items\[0\] contains itself"):
        headrace.send_output(payload)


def test_a_payload_nested_a_hundred_thousand_deep_is_refused_without_a_crash(headrace):
    payload: list = []
    for _ in range(100_000):
        payload = [payload]
    with pytest.raises(InvalidPayloadError, match="nested too deeply"):
        headrace.send_output(payload)


def test_a_whole_number_too_long_to_be_written_is_refused(headrace):
    with pytest.raises(InvalidPayloadError, match="digits"):
        headrace.send_output({"n": 10**5000})


def test_a_literal_ellipsis_goes_out_as_three_dots(headrace, receiver):
    headrace.send_output({"results": [...]})
    assert receiver.requests[0].json == {"results": ["..."]}


def test_a_payload_of_exactly_the_limit_is_sent(headrace, receiver):
    headrace.send_output("x" * (LIMIT_BYTES - 2))
    assert len(receiver.requests[0].body) == LIMIT_BYTES


def test_a_payload_over_the_limit_is_refused_with_both_sizes_and_nothing_is_sent(headrace, receiver):
    with pytest.raises(InvalidPayloadError, match=r"262145 bytes.* 262144 bytes") as refused:
        headrace.send_output("x" * (LIMIT_BYTES - 1))
    assert (refused.value.size_bytes, refused.value.limit_bytes) == (LIMIT_BYTES + 1, LIMIT_BYTES)
    assert receiver.requests == []


def test_size_is_counted_in_bytes_of_utf_8_and_not_in_characters(headrace):
    with pytest.raises(InvalidPayloadError) as refused:
        headrace.send_output("€" * 100_000)
    assert refused.value.size_bytes == 300_002


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX-API-Key: b", " a", "ü", "a\0", 7, "\x7f"])
@pytest.mark.parametrize(("name", "header"), [("request_id", "X-Request-ID"), ("traceparent", "traceparent")])
def test_a_header_value_that_is_not_plain_text_on_one_line_is_refused(headrace, receiver, name, header, value):
    with pytest.raises(InvalidPayloadError, match=header):
        headrace.send_output({}, **{name: value})
    assert receiver.requests == []
