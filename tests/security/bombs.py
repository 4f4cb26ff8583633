"""Requests that are made to hurt: small as sent, large as understood. A new one is a new line in BOMBS.

`python -m tests.security.bombs` takes them all as the receiver does, and prints for each what came of it, and by how
many KiB the memory of the process had grown at most until then.
"""

import gzip
import resource
import struct
from collections.abc import Callable

from headrace.entry.http import Limits, Request
from headrace.errors import HeadraceError
from headrace.intake.wire.otlp import decode_content_type, decode_request
from headrace.intake.wire.otlp_admit import admit

MIB = 1 << 20
JSON, PROTOBUF = "application/json", "application/x-protobuf"
LIMITS = Limits(body_bytes=6 * MIB, unpacked_bytes=32 * MIB)
_RECORD_BYTES = 700 * 1024


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))


def _field(number: int, payload: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(payload)) + payload


def _logs(records: bytes, resource_: bytes = b"") -> bytes:
    return _field(1, _field(1, resource_) + _field(2, records))


def _nested(levels: int) -> bytes:
    value = b"\x18\x01"
    for _ in range(levels):
        value = _field(5, _field(1, value))
    return _logs(_field(2, _field(5, value)))


def _json_logs(value: bytes) -> bytes:
    return b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":' + value + b"}]}]}]}"


_LARGE = _field(1, _field(1, b"k") + _field(2, _field(1, b"x" * 600 * 1024)))
_SPAN = _field(1, b"t" * 16) + _field(2, b"s" * 8)
_LIE = struct.pack("<B", 0x0A) + _varint(2**31 - 1) + b"rest"
_FAR_LIE = struct.pack("<B", 0x0A) + b"\xff" * 9 + b"\x01"

BOMBS: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "gzip of zeros": ("logs", JSON, lambda: gzip.compress(bytes(64 * MIB), mtime=0)),
    "gzip of many members": ("logs", JSON, lambda: gzip.compress(bytes(MIB), mtime=0) * 2000),
    "gzip of 200,000 empty members": ("logs", JSON, lambda: gzip.compress(b"", mtime=0) * 200_000),
    "gzip whose header never ends": ("logs", JSON, lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 4 * MIB),
    "gzip in gzip": ("logs", JSON, lambda: gzip.compress(gzip.compress(bytes(64 * MIB), mtime=0), mtime=0)),
    "deep JSON arrays": ("logs", JSON, lambda: b"[" * 4 * MIB),
    "deep JSON objects": ("logs", JSON, lambda: b'{"a":' * MIB + b"1" + b"}" * MIB),
    "deep JSON under a name that is ignored": (
        "logs", JSON, lambda: b'{"ignored":' + b"[" * MIB + b"]" * MIB + b"}"),
    "deep OTLP/JSON values": (
        "logs", JSON,
        lambda: _json_logs(b'{"arrayValue":{"values":[' * 200 + b"{}" + b"]}}" * 200)),
    "a JSON number of a million digits": ("logs", JSON, lambda: _json_logs(b'{"intValue":' + b"9" * MIB + b"}")),
    "a JSON number of a million digits as text": (
        "logs", JSON, lambda: _json_logs(b'{"intValue":"' + b"9" * MIB + b'"}')),
    "a million empty JSON records": (
        "logs", JSON,
        lambda: b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + b"{}," * MIB + b"{}]}]}]}"),
    "protobuf nested 10,000 deep": ("logs", PROTOBUF, lambda: _nested(10_000)),
    "protobuf groups a million deep": ("logs", PROTOBUF, lambda: b"\x7b" * MIB),
    "a length beyond the end": ("logs", PROTOBUF, lambda: _LIE),
    "a length of 2^64": ("traces", PROTOBUF, lambda: _FAR_LIE),
    "an inner length beyond the end": ("metrics", PROTOBUF, lambda: _field(1, _LIE)),
    "a million empty log records": ("logs", PROTOBUF, lambda: _logs(b"\x12\x00" * MIB)),
    "a million empty scopes": ("logs", PROTOBUF, lambda: _field(1, b"\x12\x00" * MIB)),
    "a million empty spans": ("traces", PROTOBUF, lambda: _logs(b"\x12\x00" * MIB)),
    "a million empty points": (
        "metrics", PROTOBUF, lambda: _logs(_field(2, _field(5, b"\x0a\x00" * MIB)))),
    "a million empty quantiles": (
        "metrics", PROTOBUF, lambda: _logs(_field(2, _field(11, _field(1, b"\x32\x00" * MIB))))),
    "a large resource, repeated by its logs": ("logs", PROTOBUF, lambda: _logs(b"\x12\x00" * 10_000, _LARGE)),
    "a large scope, repeated by its spans": (
        "traces", PROTOBUF, lambda: _logs(_field(1, _field(3, _LARGE[4:])) + _field(2, _SPAN) * 10_000, _LARGE)),
    "a large description, repeated by its points": (
        "metrics", PROTOBUF,
        lambda: _logs(_field(2, _field(2, b"x" * 600 * 1024) + _field(5, b"\x0a\x00" * 10_000)))),
    "a span with a million events": ("traces", PROTOBUF, lambda: _logs(_field(2, _SPAN + b"\x5a\x00" * MIB))),
}  # fmt: skip
"""Signal, content type, body."""

HEAVY: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "a record with 100,000 attributes": (
        "logs", PROTOBUF,
        lambda: _logs(_field(2, b"".join(_field(6, _field(1, b"%06d" % number)) for number in range(100_000))))),
    "a record with a million empty attributes": (
        "logs", PROTOBUF, lambda: _logs(_field(2, b"\x32\x00" * MIB))),
    "an array of a million empty values": (
        "logs", PROTOBUF, lambda: _logs(_field(2, _field(5, _field(5, b"\x0a\x00" * MIB))))),
}  # fmt: skip
"""Not refused as a whole: their one record is taken, or is left out for its size."""


def take(signal: str, content_type: str, body: bytes) -> str:
    """What the receiver makes of it: the name of the error, or how many records are stored and left out."""
    request = Request("POST", f"/v1/{signal}", {"content-type": content_type}, {}, {}, body, LIMITS)
    try:
        encoding = decode_content_type(request.headers["content-type"])
        protobuf = decode_request(signal, encoding, request.body)  # type: ignore[arg-type]
        found = admit(signal, protobuf, 1, record_limit_bytes=700 * 1024)  # type: ignore[arg-type]
    except HeadraceError as error:
        return type(error).__name__
    return f"{found.records} stored, {found.refused.total()} left out"


def main() -> None:
    """Take all of them."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, (signal, content_type, make) in {**BOMBS, **HEAVY}.items():
        came = take(signal, content_type, make())
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, f"{name}: {came}", sep="\t", flush=True)


if __name__ == "__main__":
    main()
