"""The bus envelope: what a message holds and the attributes that go with it. Contract section 2.

Three bodies live on a queue of records:

    schema 2                    an Export request of OTLP as protobuf, gzipped and base64ed; read by `stored`
    schema 1 with `request_id`  a batch that waits for the agent: its JSON array, byte for byte as it was sent
    schema 1                    a JSON array of flat records, as releases before schema 2 stored them

Outputs of agents are schema 1, too: any JSON text. SQS bills each started 64 KiB, so text that would cross one step is
gzipped; a request always is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from headrace.compression import decode_gzip_text, encode_gzip_text
from headrace.errors import InvalidInput
from headrace.ports.records import Record

BILLING_STEP_BYTES = 64 * 1024
MESSAGE_LIMIT_BYTES = 256 * 1024
"""Of a message as stored, unless one record alone is larger."""
UNPACKED_LIMIT_BYTES = 2 * 1024 * 1024
"""Of a message's text before compression, as it is read; what writes one stays well below."""

TEXT, REQUEST = "1", "2"
"""The schema versions."""
PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Packed:
    """The text of one message and how many records it holds."""

    body: str
    content_encoding: str
    records: int
    schema_version: str = TEXT


def encode_text(plain: bytes, records: int = 1) -> Packed:
    """UTF-8 text as the body of one message, gzipped when it would cross a billing step."""
    if len(plain) > BILLING_STEP_BYTES:
        packed = encode_gzip_text(plain)
        if len(packed) < len(plain):
            return Packed(packed, "gzip", records)
    return Packed(plain.decode(), "identity", records)


def encode_request(protobuf: bytes, records: int) -> Packed:
    """An Export request as the body of one message."""
    return Packed(encode_gzip_text(protobuf), "gzip", records, REQUEST)


def encode_attributes(project_id: str, signal: str, packed: Packed, received_unix_nano: int) -> dict[str, str]:
    """The attributes that go with a message."""
    attributes = {
        "project_id": project_id,
        "signal": signal,
        "content_encoding": packed.content_encoding,
        "schema_version": packed.schema_version,
        "received_unix_nano": str(received_unix_nano),
        "records": str(packed.records),
    }
    return attributes | ({"content_type": PROTOBUF} if packed.schema_version == REQUEST else {})


def is_request(attributes: Mapping[str, str]) -> bool:
    """Whether a message holds a request, to be read by `stored`."""
    return attributes.get("schema_version") == REQUEST


def decode_body(body: str, attributes: Mapping[str, str]) -> bytes:
    """The plain JSON text of a message of schema 1.

    Raises:
        InvalidInput: an encoding or schema version that is not ours, or damaged data.
        TooLarge: over UNPACKED_LIMIT_BYTES.
    """
    version = attributes.get("schema_version", TEXT)
    if version != TEXT:
        raise InvalidInput(f"schema version {version} is not known here", field="schema_version")
    return _unpacked(body, attributes, UNPACKED_LIMIT_BYTES)


def decode_request(body: str, attributes: Mapping[str, str], *, limit_bytes: int) -> bytes:
    """The protobuf of a message of schema 2. Raises as `decode_body`."""
    if not is_request(attributes):
        raise InvalidInput("the message holds no request", field="schema_version")
    return _unpacked(body, attributes, limit_bytes)


def decode_array(body: str, attributes: Mapping[str, str]) -> list[Record]:
    """The records of a message of schema 1.

    Raises:
        InvalidInput: not a message of records.
        TooLarge: as `decode_body`.
    """
    try:
        records: Any = orjson.loads(decode_body(body, attributes))
    except orjson.JSONDecodeError as cause:
        raise InvalidInput(f"the message is not JSON: {cause}") from cause
    if not isinstance(records, list) or not set(map(type, records)) <= {dict}:
        raise InvalidInput("the message is not an array of records")
    return records


def _unpacked(body: str, attributes: Mapping[str, str], limit_bytes: int) -> bytes:
    encoding = attributes.get("content_encoding", "identity")
    if encoding == "identity":
        return body.encode()
    if encoding == "gzip":
        return decode_gzip_text(body, limit_bytes=limit_bytes)
    raise InvalidInput(f"content encoding {encoding} is not known here", field="content_encoding")
