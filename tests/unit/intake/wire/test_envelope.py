import base64
import gzip
import random

import pytest

from headrace.compression import encode_gzip_text
from headrace.errors import InvalidInput, TooLarge
from headrace.intake.wire.envelope import (
    BILLING_STEP_BYTES,
    Packed,
    decode_body,
    decode_request,
    encode_attributes,
    encode_request,
    encode_text,
)
from headrace.intake.wire.stored import decode_records

RECORD_LIMIT = 700 * 1024
RECEIVED = 1_705_314_600_000_000_000


def noise(size, seed=1):
    """Text that does not pack well."""
    return base64.b64encode(random.Random(seed).randbytes(size * 3 // 4)).decode()


@pytest.mark.parametrize(("over", "encoding"), [(0, "identity"), (1, "gzip")])
def test_a_body_is_packed_just_when_it_would_cross_a_billing_step(over, encoding):
    packed = encode_text(b"x" * (BILLING_STEP_BYTES + over))
    assert packed.content_encoding == encoding
    if encoding == "gzip":
        assert gzip.decompress(base64.b64decode(packed.body)) == b"x" * (BILLING_STEP_BYTES + 1)


def test_a_body_that_packing_makes_larger_stays_as_it_is():
    plain = noise(100_000).encode()
    assert len(encode_gzip_text(plain)) > len(plain)
    assert encode_text(plain) == Packed(plain.decode(), "identity", 1)


def test_a_request_is_always_packed_and_comes_out_as_it_went_in():
    packed = encode_request(b"\x0a\x00", 3)
    assert gzip.decompress(base64.b64decode(packed.body)) == b"\x0a\x00"
    attributes = encode_attributes("p", "traces", packed, RECEIVED)
    assert decode_request(packed.body, attributes, limit_bytes=2) == b"\x0a\x00"
    with pytest.raises(TooLarge):
        decode_request(packed.body, attributes, limit_bytes=1)


def test_attributes_say_what_a_reader_needs():
    assert encode_attributes("p", "traces", encode_request(b"", 3), RECEIVED) == {
        "project_id": "p",
        "signal": "traces",
        "content_type": "application/x-protobuf",
        "content_encoding": "gzip",
        "schema_version": "2",
        "received_unix_nano": str(RECEIVED),
        "records": "3",
    }
    assert encode_attributes("p", "output", Packed("7", "identity", 1), RECEIVED) == {
        "project_id": "p",
        "signal": "output",
        "content_encoding": "identity",
        "schema_version": "1",
        "received_unix_nano": str(RECEIVED),
        "records": "1",
    }


def test_text_is_no_request_and_a_request_no_text():
    with pytest.raises(InvalidInput):
        decode_request("[]", {"schema_version": "1"}, limit_bytes=10)
    with pytest.raises(InvalidInput):
        decode_body("", {"schema_version": "2"})


def test_attributes_that_are_missing_mean_plain_text():
    assert decode_body("[]", {}) == b"[]"


@pytest.mark.parametrize(
    ("attributes", "field"),
    [({"schema_version": "2"}, "schema_version"), ({"content_encoding": "brotli"}, "content_encoding")],
)
def test_what_is_not_known_here_is_invalid_input(attributes, field):
    with pytest.raises(InvalidInput) as caught:
        decode_body("[]", attributes)
    assert caught.value.field == field


@pytest.mark.parametrize("body", ["", "{", "{}", "7", "null", '"text"', "[1]", "[{}, []]", "[{}, null]"])
def test_what_is_no_array_of_records_is_invalid_input(body):
    with pytest.raises(InvalidInput):
        decode_records(body, {})


@pytest.mark.parametrize("body", ["not base64!", "AAAA", base64.b64encode(gzip.compress(b"[]", mtime=0)[:-4]).decode()])
def test_a_damaged_packed_body_is_invalid_input(body):
    with pytest.raises(InvalidInput):
        decode_records(body, {"content_encoding": "gzip"})
