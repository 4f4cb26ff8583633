"""The quick way for protobuf logs gives to the letter what protobuf's own messages give, whatever the bytes."""

from collections.abc import Callable

import orjson
import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from headrace.errors import InvalidInput
from headrace.intake.wire import otlp_values
from tests.benchmarks.reference import request as reference_request
from tests.otlp_records import Flattened, decode_request
from tests.unit.intake.wire.last_release import flatten_logs
from tests.unit.intake.wire.otlp_requests import RECEIVED, any_value, attributes
from tests.unit.intake.wire.otlp_signals import requests

thorough = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
encoded_requests = requests["logs"].map(lambda request: request.SerializeToString())


def answer(decode: Callable[[bytes], Flattened], body: bytes) -> object:
    try:
        flattened = decode(body)
    except (DecodeError, InvalidInput):
        return "not a request"
    return orjson.dumps(flattened.records), list(flattened.refused.items())


def by_protobuf(body: bytes) -> Flattened:
    return flatten_logs(ExportLogsServiceRequest.FromString(body), RECEIVED)


def by_door(body: bytes) -> Flattened:
    return decode_request("logs", "protobuf", body, RECEIVED, record_limit_bytes=2**40)


def check(body: bytes) -> None:
    wanted = answer(by_protobuf, body)
    assert answer(by_door, body) == wanted
    assert answer(by_door, body) == wanted  # now from what is remembered


# --- messages by hand -----------------------------------------------------------------------------------------


def varint(number: int, at_least_bytes: int = 1) -> bytes:
    out = bytearray()
    while number > 127 or len(out) < at_least_bytes - 1:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))


def field(number: int, payload: bytes, length_bytes: int = 1) -> bytes:
    return bytes((number << 3 | 2,)) + varint(len(payload), length_bytes) + payload


def record(payload: bytes, length_bytes: int = 1) -> bytes:
    """A request with one log record."""
    return field(1, field(2, field(2, payload, length_bytes), length_bytes), length_bytes)


def attribute(pair: bytes, length_bytes: int = 1) -> bytes:
    """A request with one log record with one attribute."""
    return record(field(6, pair, length_bytes), length_bytes)


KEY = field(1, b"key")


def pair_of(value: bytes) -> bytes:
    return KEY + field(2, value)


PAIRS = {
    "nothing at all": b"",
    "no value": KEY,
    "no key": field(2, field(1, b"text")),
    "an empty value": pair_of(b""),
    "an empty value, then a number beside it": pair_of(b"") + b"\x18\x05",
    "an empty value, then another key": pair_of(b"") + field(1, b"other"),
    "an empty text": pair_of(field(1, b"")),
    "an empty key": field(1, b"") + field(2, field(1, b"text")),
    "value before key": field(2, field(1, b"text")) + KEY,
    "key twice": KEY + pair_of(field(1, b"text")),
    "value twice": pair_of(field(1, b"text")) + field(2, field(1, b"more")),
    "values of two kinds": pair_of(field(1, b"text") + b"\x18\x05"),
    "a number, then a text": pair_of(b"\x18\x05" + field(1, b"text")),
    "an unknown field": pair_of(field(1, b"text")) + field(15, b"unknown"),
    "an unknown kind": pair_of(field(15, b"unknown")),
    "a text that is not UTF-8": pair_of(field(1, b"\xff\xfe")),
    "a key that is not UTF-8": field(1, b"\xff") + field(2, field(1, b"text")),
    "half a character": pair_of(field(1, "é".encode()[:1])),
    "a surrogate": pair_of(field(1, b"\xed\xa0\x80")),
    "a zero byte": pair_of(field(1, b"\x00")),
    "true": pair_of(b"\x10\x01"),
    "a long true": pair_of(b"\x10\x81\x00"),
    "zero": pair_of(b"\x18\x00"),
    "a padded zero": pair_of(b"\x18\x80\x80\x00"),
    "two numbers": pair_of(b"\x18\x01\x18\x02"),
    "a number that does not end": pair_of(b"\x18\xff"),
    "no number": pair_of(b"\x18"),
    "nine bytes of number": pair_of(b"\x18" + b"\xff" * 8 + b"\x7f"),
    "ten bytes of number": pair_of(b"\x18" + b"\xff" * 9 + b"\x01"),
    "ten bytes and too large": pair_of(b"\x18" + b"\xff" * 9 + b"\x7f"),
    "eleven bytes of number": pair_of(b"\x18" + b"\xff" * 10 + b"\x01"),
    "a double": pair_of(b"\x21" + bytes(7) + b"\x40"),
    "not a number": pair_of(b"\x21" + b"\xff" * 8),
    "a double, then a number": pair_of(b"\x21" + bytes(8) + b"\x18\x05"),
    "half a double": pair_of(b"\x21" + bytes(4)),
    "a length over the end": KEY + b"\x12\x7f\x0a\x7dtext",
    "an inner length over the end": KEY + b"\x12\x06\x0a\x20text",
    "a length of four bytes": KEY + field(2, field(1, b"text", 4), 4),
    "a length of five bytes": KEY + field(2, field(1, b"text", 5), 5),
    "a length of eleven bytes": KEY + field(2, field(1, b"text", 11), 11),
    "a group": KEY + b"\x13\x14" + field(2, field(1, b"text")),
    "bytes": pair_of(field(7, b"\x00\xff")),
    "an array": pair_of(
        AnyValue(array_value={"values": [any_value(each) for each in (1, "a", None)]}).SerializeToString()
    ),
    "a map": pair_of(any_value({"a": {"b": [True]}}).SerializeToString()),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_an_attribute_that_looks_unusual_means_what_protobuf_says(pair):
    check(attribute(pair))
    check(attribute(pair + field(15, bytes(200))))
    check(attribute(field(15, bytes(200)) + pair))


@pytest.mark.parametrize("size", [*range(105, 135), 16370, 16384, 2_100_000])
def test_texts_and_keys_of_all_lengths_are_whole(size):
    for letter in ("a", "é", "\x00"):
        text = (letter * size).encode()
        for length_bytes in (1, 3, 4):
            check(attribute(KEY + field(2, field(1, text, length_bytes), length_bytes), length_bytes))
        check(attribute(field(1, text) + field(2, field(1, b"text"))))
        check(record(field(5, field(1, text))))
    check(attribute(KEY + field(2, field(1, b"a" * size + b"\xff"))))
    check(attribute(KEY + field(2, field(7, bytes(size)))))


RECORDS = {
    "empty": b"",
    "body twice": field(5, field(1, b"one")) + field(5, field(1, b"two")),
    "body in two pieces": field(5, any_value(["one"]).SerializeToString()) * 2,
    "body, then an empty one": field(5, field(1, b"one")) + field(5, b""),
    "body not UTF-8": field(5, field(1, b"\xff")),
    "fields in another order": field(10, b"12345678") + field(6, PAIRS["true"]) + b"\x10\x09" + b"\x09" + b"\x01" * 8,
    "trace id too short": field(9, b"short"),
    "span id too long": field(10, b"much too long"),
    "ids of zeros": field(9, bytes(16)) + field(10, bytes(8)),
    "a negative severity": b"\x10" + b"\xff" * 9 + b"\x01",
    "time of receipt": field(3, b"INFO"),
    "observed alone": b"\x59" + b"\x07" * 8,
    "time and another observed": b"\x09" + b"\x06" * 8 + b"\x59" + b"\x07" * 8,
    "time and the same observed": b"\x09" + b"\x07" * 8 + b"\x59" + b"\x07" * 8,
    "the last moment": b"\x09" + b"\xff" * 8,
    "flags, event name, dropped attributes": b"\x38\x05\x45\x01\x00\x00\x00" + field(12, b"click"),
    "an attribute twice": field(6, pair_of(b"\x18\x01")) + field(6, PAIRS["true"]) + field(6, PAIRS["zero"]),
    "half a time": b"\x09\x01",
    "an unknown field": field(14, b"?") + field(5, field(1, b"one")),
    "a text where a number should be": field(1, b"text"),
}


@pytest.mark.parametrize("payload", RECORDS.values(), ids=RECORDS.keys())
def test_a_record_that_looks_unusual_means_what_protobuf_says(payload):
    check(record(payload))
    check(record(payload, 4))
    check(record(field(5, field(1, b"before"))) + record(payload) + record(field(5, field(1, b"after"))))


RESOURCE = field(1, field(1, PAIRS["true"]))
SCOPE = field(1, field(1, b"library") + field(2, b"1.0") + field(3, PAIRS["zero"]))
LOG = field(2, field(5, field(1, b"body")))
ENVELOPES = {
    "no bytes": b"",
    "nothing inside": field(1, b""),
    "a resource alone": field(1, RESOURCE),
    "an empty resource and scope": field(1, field(1, b"") + field(2, field(1, b"") + LOG)),
    "no resource and no scope": field(1, field(2, LOG)),
    "all of it": field(1, RESOURCE + field(2, SCOPE + LOG + LOG + field(3, b"url")) + field(3, b"url")),
    "resource behind its logs": field(1, field(2, SCOPE + LOG) + RESOURCE),
    "scope behind its logs": field(1, RESOURCE + field(2, LOG + SCOPE)),
    "resource in two pieces": field(1, RESOURCE + field(1, field(1, PAIRS["zero"])) + field(2, LOG)),
    "scope in two pieces": field(1, field(2, SCOPE + field(1, field(1, b"other")) + LOG)),
    "resource cut in two": field(1, field(1, b"\x0a\x03") + field(1, b"abc") + field(2, LOG)),
    "a large resource": field(1, field(1, field(1, pair_of(field(1, b"a" * 9000)))) + field(2, LOG)),
    "a large scope": field(1, field(2, field(1, field(1, b"a" * 9000)) + LOG)),
    "a scope name that is not UTF-8": field(1, field(2, field(1, field(1, b"\xff")) + LOG)),
    "a resource that is damaged": field(1, field(1, b"\x0a\x7f") + field(2, LOG)),
    "a schema URL that is not UTF-8": field(1, field(2, LOG + field(3, b"\xff"))),
    "a resource's schema URL that is not UTF-8": field(1, field(2, LOG) + field(3, b"\xff")),
    "unknown fields": field(1, field(9, b"?") + field(2, field(9, b"?") + LOG)) + field(9, b"?"),
}


@pytest.mark.parametrize("body", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_a_request_that_looks_unusual_means_what_protobuf_says(body):
    check(body)
    check(body + ENVELOPES["all of it"])
    for end in range(len(body) if len(body) < 500 else 0):
        check(body[:end])


@pytest.mark.parametrize("depth", range(85, 105))
def test_nesting_is_refused_exactly_where_protobuf_refuses_it(depth):
    value = b"\x18\x01"
    for _ in range(depth // 2):
        value = field(5, field(1, value))  # an array adds two levels, a map three
    inner = value if depth % 2 else field(6, field(1, pair_of(value)))
    groups = b"\x7b" * depth + b"\x7c" * depth
    for pair in (
        pair_of(inner),
        pair_of(field(1, b"text")) + groups,
        pair_of(field(1, b"text") + groups),
        KEY + groups,
    ):
        check(attribute(pair))
        check(field(1, field(1, field(1, pair)) + field(2, LOG)))
        check(field(1, field(2, field(1, field(3, pair)) + LOG)))
    check(record(field(5, inner)))
    check(record(groups))


# --- whatever hypothesis thinks of ----------------------------------------------------------------------------


@thorough
@given(encoded_requests)
def test_all_requests_come_out_as_protobuf_has_them(body):
    check(body)


@thorough
@given(st.binary(max_size=64))
def test_random_bytes_are_answered_as_protobuf_answers_them(body):
    check(body)
    check(record(body))
    check(attribute(body))
    check(attribute(pair_of(body)))


@st.composite
def damaged(draw):
    """A good request after a few accidents."""
    body = bytearray(draw(encoded_requests))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 12)))
        match draw(st.sampled_from(["replace", "remove", "repeat", "cut", "insert"])):
            case "replace":
                body[start : start + 1] = draw(st.binary(min_size=1, max_size=1))
            case "remove":
                del body[start:end]
            case "repeat":
                body[end:end] = body[start:end]
            case "cut":
                del body[start:]
            case "insert":
                body[start:start] = draw(st.binary(max_size=4))
    return bytes(body)


@settings(thorough, max_examples=1500)
@given(damaged())
@example(attribute(pair_of(field(1, b"text")))[:-1])
def test_damaged_requests_are_answered_as_protobuf_answers_them(body):
    check(body)


@thorough
@given(attributes, st.permutations(range(6)), st.integers(1, 5))
def test_the_spelling_of_a_record_does_not_matter(pairs, order, length_bytes):
    fields = [
        b"\x09" + b"\x05" * 8,
        b"\x10\x11",
        field(5, field(1, b"body"), length_bytes),
        b"".join(field(6, each.SerializeToString(), length_bytes) for each in pairs),
        field(9, b"t" * 16, length_bytes),
        field(10, b"s" * 8, length_bytes),
    ]
    check(record(b"".join(fields[index] for index in order), length_bytes))


# --- what is remembered ---------------------------------------------------------------------------------------


def test_the_reference_request_comes_out_as_protobuf_has_it():
    check(reference_request())


def test_what_is_remembered_is_bounded_in_entries_and_in_bytes():
    known = otlp_values._attributes_by_bytes
    for number in range(10_000):
        pair = field(1, f"key {number}".encode()) + field(2, field(1, b"text"))
        by_door(attribute(pair))
        assert len(known) <= otlp_values._REMEMBERED_ATTRIBUTES
    long = pair_of(field(1, b"a" * 200))
    large_resource = field(1, field(1, field(1, pair_of(field(1, b"a" * 5000)))) + field(2, LOG))
    fragments = otlp_values._resource.cache_info().currsize
    by_door(attribute(long) + large_resource)
    assert long not in known
    assert otlp_values._resource.cache_info().currsize == fragments
    assert otlp_values._resource.cache_info().maxsize == otlp_values._REMEMBERED_SHARED


def test_equal_attributes_of_different_kinds_are_not_mixed_up():
    pairs = [
        KeyValue(key="key", value=any_value(value)) for value in (1, True, 1.0, "1", b"1", 0, False, 0.0, "", None)
    ]
    for each in pairs * 2:
        check(attribute(each.SerializeToString()))
