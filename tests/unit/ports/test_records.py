from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.times import timestamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(0, 2**64 - 1))
@example(0)
@example(1)
@example(10)
@example(999_999_999)
@example(1_000_000_000)
@example(2**64 - 1)
def test_a_timestamp_says_the_same_as_datetime_to_the_nanosecond(unix_nano):
    whole, _, fraction = timestamp(unix_nano).removesuffix("Z").partition(".")
    assert datetime.fromisoformat(whole + "+00:00") == EPOCH + timedelta(seconds=unix_nano // 10**9)
    assert int(fraction.ljust(9, "0")) == unix_nano % 10**9


@given(st.integers(0, 2**64 - 1))
def test_a_timestamp_has_no_more_digits_than_it_needs(unix_nano):
    text = timestamp(unix_nano)
    assert text.endswith("Z")
    assert "." not in text or text[-2] not in "0."


@pytest.mark.parametrize(
    ("unix_nano", "text"),
    [
        (1705314600000000000, "2024-01-15T10:30:00Z"),
        (1705314600500000000, "2024-01-15T10:30:00.5Z"),
        (1705314600120000000, "2024-01-15T10:30:00.12Z"),
        (1705314600000001000, "2024-01-15T10:30:00.000001Z"),
        (1705314600123456789, "2024-01-15T10:30:00.123456789Z"),
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (951_782_400 * 10**9, "2000-02-29T00:00:00Z"),
        (2**64 - 1, "2554-07-21T23:34:33.709551615Z"),
    ],
)
def test_timestamps_read_as_in_the_contract(unix_nano, text):
    assert timestamp(unix_nano) == text
