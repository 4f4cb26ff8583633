"""The bus envelope: many flat records in few messages. Contract section 2.

SQS bills each started 64 KiB, so a body that would cross one step is gzipped, and a message holds as many
records as fit its 256 KiB. What does not fit is halved: sizes are only known after compression.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from headrace.compression import decode_gzip_text, encode_gzip_text
from headrace.errors import InvalidInput
from headrace.ports.records import Record

BILLING_STEP_BYTES = 64 * 1024
MESSAGE_LIMIT_BYTES = 256 * 1024
UNPACKED_LIMIT_BYTES = 1024 * 1024
"""Records of one message before compression: bounds what a consumer holds at once."""

SCHEMA_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Packed:
    """The text of one message and how many records it holds."""

    body: str
    content_encoding: str
    records: int


def encode_records(records: Sequence[Any], *, record_limit_bytes: int) -> tuple[list[Packed], int]:
    """`records` as few messages; second, how many were left out for being over the limit as JSON."""
    packed: list[Packed] = []
    plain = orjson.dumps(records)
    if len(plain) <= min(record_limit_bytes, UNPACKED_LIMIT_BYTES):  # as most are: then none of them can be over it
        message = encode_text(plain, len(records))
        if len(message.body) <= MESSAGE_LIMIT_BYTES:
            return [message] * bool(records), 0
    texts = [orjson.dumps(record) for record in records]
    fitting = [text for text in texts if len(text) <= record_limit_bytes]
    for part in _parts(fitting):
        _pack(part, packed)
    return packed, len(records) - len(fitting)


def _parts(texts: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Runs of records that together stay within the limit before compression; one record may be over it alone."""
    part: list[bytes] = []
    size = len("[]")
    for text in texts:
        if part and size + len(text) > UNPACKED_LIMIT_BYTES:
            yield part
            part, size = [], len("[]")
        part.append(text)
        size += len(text) + len(",")
    if part:
        yield part


def _pack(texts: list[bytes], into: list[Packed]) -> None:
    """Add records (one at least) as few messages."""
    message = encode_text(b"[%b]" % b",".join(texts), len(texts))
    if len(texts) == 1 or len(message.body) <= MESSAGE_LIMIT_BYTES:
        into.append(message)
        return
    half = len(texts) // 2
    _pack(texts[:half], into)
    _pack(texts[half:], into)


def encode_text(plain: bytes, records: int = 1) -> Packed:
    """UTF-8 text as the body of one message, gzipped when it would cross a billing step."""
    if len(plain) > BILLING_STEP_BYTES:
        packed = encode_gzip_text(plain)
        if len(packed) < len(plain):
            return Packed(packed, "gzip", records)
    return Packed(plain.decode(), "identity", records)


def encode_attributes(project_id: str, signal: str, packed: Packed, received_unix_nano: int) -> dict[str, str]:
    """The attributes that go with a message of records."""
    return {
        "project_id": project_id,
        "signal": signal,
        "content_encoding": packed.content_encoding,
        "schema_version": SCHEMA_VERSION,
        "received_at": datetime.fromtimestamp(received_unix_nano / 1e9, UTC).isoformat(),
        "records": str(packed.records),
    }


def decode_body(body: str, attributes: Mapping[str, str]) -> bytes:
    """The plain JSON text of a message.

    Raises:
        InvalidInput: an encoding or schema version that is not ours, or damaged data.
    """
    version = attributes.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise InvalidInput(f"schema version {version} is not known here", field="schema_version")
    encoding = attributes.get("content_encoding", "identity")
    if encoding == "identity":
        return body.encode()
    if encoding == "gzip":
        return decode_gzip_text(body, limit_bytes=2 * UNPACKED_LIMIT_BYTES)
    raise InvalidInput(f"content encoding {encoding} is not known here", field="content_encoding")


def decode_records(body: str, attributes: Mapping[str, str]) -> list[Record]:
    """The records of a message.

    Raises:
        InvalidInput: not a message of records.
    """
    try:
        records = orjson.loads(decode_body(body, attributes))
    except orjson.JSONDecodeError as cause:
        raise InvalidInput(f"the message is not JSON: {cause}") from cause
    if not isinstance(records, list) or not set(map(type, records)) <= {dict}:
        raise InvalidInput("the message is not an array of records")
    return records
