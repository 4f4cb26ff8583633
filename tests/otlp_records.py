"""What becomes of a request: stored as the receiver stores it, and seen as those see it who take it from the queue.

flat = decode_request("logs", "protobuf", body, received_unix_nano)
flat.records, flat.refused, flat.reason()

Messages of schema version 1, which releases before version 2 stored, are made by `encode_records`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from headrace.intake.wire import otlp
from headrace.intake.wire.envelope import Packed, encode_attributes, encode_text
from headrace.intake.wire.otlp import Encoding
from headrace.intake.wire.otlp_admit import Admitted, admit
from headrace.intake.wire.stored import decode_records
from headrace.ports.records import Record, Signal

RECORD_LIMIT_BYTES = 700 * 1024


@dataclass
class Flattened:
    """Flat records of the messages of a request, and why others were refused."""

    records: list[Record]
    refused: Counter[str]
    admitted: Admitted

    def reason(self) -> str:
        return self.admitted.reason()


def decode_request(
    signal: Signal,
    encoding: Encoding,
    body: bytes,
    received_unix_nano: int,
    *,
    record_limit_bytes: int = RECORD_LIMIT_BYTES,
) -> Flattened:
    """One request, through the receiver's and the reader's hands."""
    protobuf = otlp.decode_request(signal, encoding, body)
    admitted = admit(signal, protobuf, received_unix_nano, record_limit_bytes=record_limit_bytes)
    records = [
        record
        for each in admitted.packed
        for record in decode_records(each.body, encode_attributes("p", signal, each, received_unix_nano))
    ]
    return Flattened(records, admitted.refused, admitted)


def encode_records(records: Sequence[Any], at_once: int = 1000) -> list[Packed]:
    """Flat records as messages of schema version 1."""
    parts = [records[start : start + at_once] for start in range(0, len(records), at_once)]
    return [encode_text(orjson.dumps(part), len(part)) for part in parts]
