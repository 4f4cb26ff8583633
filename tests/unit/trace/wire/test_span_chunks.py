"""Chunks of spans: whole, bounded, and the same for the same spans."""

import random
from dataclasses import replace

import pytest

from headrace.trace.domain.spans import Span, SpanError, SpanMessage
from headrace.trace.wire.span_chunks import CHUNK_LIMIT_BYTES, chunk_id, decode_chunk, encode_chunks

SPAN = Span(
    "0" * 32, "1" * 16, "", "plan", "agent", "gen_ai", "generic", "desk", 1_700_000_000_000_000_000, 5, "error",
    error=SpanError("timeout", "no answer"), message=SpanMessage("a", "b", "handoff"), cost_usd=0.25,
    attributes={"nested": {"deep": [1, None, 2.5]}},
)  # fmt: skip


def test_spans_come_back_as_they_went() -> None:
    (chunk,) = encode_chunks([SPAN, replace(SPAN, error=None, message=None)])
    assert decode_chunk(chunk) == [SPAN, replace(SPAN, error=None, message=None)]


def test_equal_spans_are_the_same_chunk_and_others_are_not() -> None:
    ((once,), (twice,), (other,)) = (encode_chunks([span]) for span in (SPAN, replace(SPAN), replace(SPAN, name="x")))
    assert chunk_id(once) == chunk_id(twice) != chunk_id(other)


def test_many_spans_become_several_chunks_of_bounded_size() -> None:
    noise = random.Random(1)
    spans = [replace(SPAN, span_id=f"{index:016x}", input=noise.randbytes(4000).hex()) for index in range(300)]
    chunks = encode_chunks(spans)
    assert [span for chunk in chunks for span in decode_chunk(chunk)] == spans
    assert len(chunks) > 1
    assert max(map(len, chunks)) <= CHUNK_LIMIT_BYTES


def test_a_span_too_large_to_be_stored_loses_its_attributes_and_says_so() -> None:
    noise = random.Random(2).randbytes(CHUNK_LIMIT_BYTES).hex()
    (chunk,) = encode_chunks([replace(SPAN, attributes={"noise": noise})])
    (kept,) = decode_chunk(chunk)
    assert (kept.attributes, kept.name) == ({}, "plan")
    assert "too large" in kept.oddities[0]


@pytest.mark.parametrize("damage", [b"", b"no gzip", encode_chunks([SPAN])[0][:-12]])
def test_a_damaged_chunk_is_a_value_error(damage: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        decode_chunk(damage)
