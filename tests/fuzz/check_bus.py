"""What comes off a queue: the envelope and the text that engines carry."""

import json
import re
from collections.abc import Mapping

import orjson
from hypothesis import strategies as st

from headrace.compression import encode_gzip_text
from headrace.errors import InvalidInput
from headrace.intake.wire.envelope import UNPACKED_LIMIT_BYTES, decode_body
from headrace.intake.wire.stored import decode_records
from headrace.ports.queue_text import decode_text, encode_mark, encode_text
from tests.fuzz.damage import damaged

_ATTRIBUTES: tuple[Mapping[str, str], ...] = (
    {},
    {"content_encoding": "identity"},
    {"content_encoding": "gzip"},
    {"content_encoding": "br"},
    {"schema_version": "2"},
)
_TAKEN = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")

_records = st.lists(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=8), max_size=3), max_size=3)
_plain = _records.map(lambda each: b"\x01" + json.dumps(each).encode())
_packed = st.binary(max_size=100).map(lambda each: b"\x02" + encode_gzip_text(each).encode())
messages = damaged(_plain | _packed | st.binary(max_size=40))
"""The first byte chooses the attributes."""

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\ue000\uffff\ufffe\x00"\\')).map(
    lambda text: text.encode()
)


def check_envelope(data: bytes) -> None:
    """A message is an array of records, or is refused with the reason; it is never more than its limit."""
    attributes = _ATTRIBUTES[data[0] % len(_ATTRIBUTES)] if data else {}
    text = data[1:].decode(errors="replace")
    try:
        body = decode_body(text, attributes)
        assert len(body) <= max(2 * UNPACKED_LIMIT_BYTES, 4 * len(text))
        records = decode_records(text, attributes)
    except InvalidInput:
        return
    assert all(isinstance(each, dict) for each in records)
    assert records == orjson.loads(body)


def check_queue_text(data: bytes) -> None:
    """Any text goes through any engine; text that nobody of ours made comes out somehow."""
    text = data.decode(errors="replace")
    assert _TAKEN.fullmatch(encode_text(text))
    assert decode_text(encode_text(text)) == text
    assert decode_text(encode_mark(text)) == text
    decode_text(text).encode()
