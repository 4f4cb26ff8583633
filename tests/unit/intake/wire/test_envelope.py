import base64
import gzip
import random
from datetime import datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.compression import encode_gzip_text
from headrace.errors import InvalidInput
from headrace.intake.wire.envelope import (
    BILLING_STEP_BYTES,
    MESSAGE_LIMIT_BYTES,
    Packed,
    decode_body,
    decode_records,
    encode_attributes,
    encode_records,
    encode_text,
)

RECORD_LIMIT = 700 * 1024
RECEIVED = 1_705_314_600_000_000_000

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
some_records = st.lists(st.dictionaries(st.text(max_size=3), values, max_size=3), max_size=10)


def noise(size, seed=1):
    """Text that does not pack well."""
    return base64.b64encode(random.Random(seed).randbytes(size * 3 // 4)).decode()


def pack(records, limit=RECORD_LIMIT):
    return encode_records(records, record_limit_bytes=limit)


def unpack(packed):
    attributes = encode_attributes("p", "logs", packed, RECEIVED)
    return decode_records(packed.body, attributes)


@given(some_records, st.integers(0, 90_000))
@settings(deadline=None)
def test_records_come_out_as_they_went_in_however_they_were_packed(records, extra):
    records = [*records, *([{"body": noise(extra)}] if extra > 60_000 else [])]
    packed, too_large = pack(records)
    assert too_large == 0
    assert [record for each in packed for record in unpack(each)] == records
    assert sum(each.records for each in packed) == len(records)


def test_nothing_makes_no_message():
    assert pack([]) == ([], 0)


def test_a_small_body_stays_readable_text():
    (packed,), _ = pack([{"body": "é"}])
    assert packed == Packed('[{"body":"é"}]', "identity", 1)


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


def test_many_records_are_few_messages_and_none_is_over_the_limit():
    records = [{"n": number, "body": noise(500, number)} for number in range(5000)]
    packed, too_large = pack(records)
    assert too_large == 0
    assert [record for each in packed for record in unpack(each)] == records
    assert all(len(each.body) <= MESSAGE_LIMIT_BYTES for each in packed)
    assert len(packed) <= 20


def test_records_that_pack_well_share_a_message():
    packed, _ = pack([{"body": "the same again and again"} for _ in range(10_000)])
    assert len(packed) == 1


def test_one_record_over_the_message_limit_is_a_message_of_its_own():
    records = [{"n": 1}, {"body": noise(500_000)}, {"n": 2}]
    packed, too_large = pack(records)
    assert too_large == 0
    assert [record for each in packed for record in unpack(each)] == records
    assert [each.records for each in packed if len(each.body) > MESSAGE_LIMIT_BYTES] == [1]


@pytest.mark.parametrize(("over", "left_out"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("neighbours", [[], [{"n": 1}], [{"n": number} for number in range(500)]], ids=len)
def test_a_record_over_the_limit_is_left_out_and_counted_whatever_is_beside_it(over, left_out, neighbours):
    empty = len(orjson.dumps({"body": ""}))
    packed, too_large = pack([*neighbours, {"body": "x" * (1000 - empty + over)}], limit=1000)
    assert too_large == left_out
    assert sum(each.records for each in packed) == len(neighbours) + 1 - left_out


def test_neighbours_of_a_record_that_is_left_out_are_kept():
    records = [{"n": 1}, {"n": 2}, {"body": noise(2_000_000)}, {"n": 3}]
    packed, too_large = pack(records)
    assert too_large == 1
    assert [record for each in packed for record in unpack(each)] == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_attributes_say_what_a_reader_needs():
    attributes = encode_attributes("p", "traces", Packed("", "gzip", 3), RECEIVED)
    assert datetime.fromisoformat(attributes.pop("received_at")).timestamp() == RECEIVED / 1e9
    assert attributes == {
        "project_id": "p",
        "signal": "traces",
        "content_encoding": "gzip",
        "schema_version": "1",
        "records": "3",
    }


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


def test_the_largest_record_that_is_let_in_can_be_read_again():
    (packed,), _ = pack([{"body": "x" * (RECORD_LIMIT - 11)}])
    assert len(unpack(packed)[0]["body"]) == RECORD_LIMIT - 11
