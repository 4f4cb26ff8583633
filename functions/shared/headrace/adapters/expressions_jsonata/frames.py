"""What goes through the pipes between the parent and a worker: frames with their length in front.

Requests are `tag, length, payload`; answers `verdict, length, processor µs, payload`. A program is set once and
not answered; then each record and each check gets exactly one answer, in order, written at once. So after a worker's
death the first request without an answer is the culprit.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

REQUEST = struct.Struct(">cI")
ANSWER = struct.Struct(">cII")

PROGRAM = b"P"  # {"filter", "transforms": [[expression, output_name, output_type]], "allowance_us"}
RECORD = b"R"  # the record as JSON
CHECK = b"C"  # an expression, UTF-8

READY = b"s"  # once, when the engine is loaded
DROPPED = b"-"
KEPT = b"+"
CHANGED = b"*"  # kept; {field: new value} for the record's own fields that transforms set
REPLACED = b"="  # kept; what stands in the record's place, since a transform has no output name
FAILED = b"!"  # why, UTF-8
SPENT = b"0"  # not tried: the records before it used up the allowance
VALID = b"v"
INVALID = b"i"  # {"message", "position"}

RETIRED = 75
"""Exit status of a worker that wants to be replaced, owing no answer that it could still give (EX_TEMPFAIL)."""


class Answer(NamedTuple):
    """One answer, with the processor time that it took."""

    verdict: bytes
    cpu_us: int
    payload: bytes


def request(tag: bytes, payload: bytes) -> bytes:
    """A frame for the worker."""
    return REQUEST.pack(tag, len(payload)) + payload


def take_answers(buffer: bytearray) -> Iterator[Answer]:
    """All complete answers at the start of `buffer`, which loses them."""
    start = 0
    while len(buffer) - start >= ANSWER.size:
        verdict, length, cpu_us = ANSWER.unpack_from(buffer, start)
        end = start + ANSWER.size + length
        if end > len(buffer):
            break
        yield Answer(verdict, cpu_us, bytes(buffer[start + ANSWER.size : end]))
        start = end
    del buffer[:start]
