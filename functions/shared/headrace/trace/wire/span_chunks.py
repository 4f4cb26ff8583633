"""Normalized spans ↔ the bytes of one stored chunk: some spans of one trace, as gzipped JSON."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import orjson

from headrace.compression import decode_gzip, encode_gzip
from headrace.errors import InvalidInput, TooLarge
from headrace.trace.domain.spans import Span, SpanError, SpanMessage

CHUNK_LIMIT_BYTES = 300 * 1024
"""An item holds 400 KB at most, and bytes grow by a third on engines that keep them as text."""

_UNPACKED_BYTES = 64 * 1024 * 1024
_TOO_LARGE = "its attributes were dropped: the span was too large to be stored whole"


def encode_chunks(spans: Sequence[Span]) -> list[bytes]:
    """`spans` (one at least) as few chunks, each within the limit; equal spans give equal bytes."""
    packed = encode_gzip(orjson.dumps(spans))
    if len(packed) <= CHUNK_LIMIT_BYTES:
        return [packed]
    if len(spans) == 1:
        (span,) = spans
        return encode_chunks([replace(span, attributes={}, oddities=[*span.oddities, _TOO_LARGE])])
    half = len(spans) // 2
    return [*encode_chunks(spans[:half]), *encode_chunks(spans[half:])]


def chunk_id(chunk: bytes) -> str:
    """Names a chunk by what it holds: the same spans, sent or delivered twice, are the same chunk."""
    return blake2b(chunk, digest_size=12).hexdigest()


def decode_chunk(chunk: bytes) -> list[Span]:
    """The spans of a chunk.

    Raises:
        ValueError: damaged.
    """
    try:
        found = orjson.loads(decode_gzip(chunk, limit_bytes=_UNPACKED_BYTES))
    except (InvalidInput, TooLarge, orjson.JSONDecodeError) as cause:
        raise ValueError(f"a damaged chunk of spans: {cause}") from cause
    return [_span(fields) for fields in found]


def _span(fields: dict[str, Any]) -> Span:
    if fields["error"] is not None:
        fields["error"] = SpanError(**fields["error"])
    if fields["message"] is not None:
        fields["message"] = SpanMessage(**fields["message"])
    for name in ("asked", "answered"):
        fields[name] = list(map(tuple, fields[name]))
    return Span(**fields)
