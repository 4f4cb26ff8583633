"""Normalized spans ↔ the bytes of one stored chunk: some spans of one trace, as gzipped JSON."""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

import orjson
from isal import igzip, isal_zlib

from headrace.domain.spans import Span, SpanError, SpanMessage

CHUNK_LIMIT_BYTES = 300 * 1024
"""An item holds 400 KB at most, and bytes grow by a third on engines that keep them as text."""

_TOO_LARGE = "its attributes were dropped: the span was too large to be stored whole"


def encode_chunks(spans: Sequence[Span]) -> list[bytes]:
    """`spans` (one at least) as few chunks, each within the limit; equal spans give equal bytes."""
    packed = igzip.compress(orjson.dumps(spans), compresslevel=1, mtime=0)
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
        found = orjson.loads(igzip.decompress(chunk))
    except (gzip.BadGzipFile, isal_zlib.error, EOFError, orjson.JSONDecodeError) as cause:
        raise ValueError(f"a damaged chunk of spans: {cause}") from cause
    return [_span(fields) for fields in found]


def _span(fields: dict[str, object]) -> Span:
    error, message = fields["error"], fields["message"]
    if isinstance(error, dict):
        fields["error"] = SpanError(**error)
    if isinstance(message, dict):
        fields["message"] = SpanMessage(**message)
    return Span(**fields)  # type: ignore[arg-type]  # written by encode_chunks
