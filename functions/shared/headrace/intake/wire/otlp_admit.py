"""Admit: what of an Export request may be stored, and as which messages.

Most requests are stored as they came: valid, within the bounds of a message, with nothing to refuse. Only others are
written anew, without what is refused, in as many parts as it takes. JSON becomes protobuf first, so that there is one
stored form. The walk: `otlp` (bytes of either encoding) → here → `otlp_faults`, `otlp_cut` → `envelope` (messages).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from headrace.errors import InvalidInput, TooLarge
from headrace.intake.wire import otlp_cut
from headrace.intake.wire.envelope import MESSAGE_LIMIT_BYTES, Packed, encode_request
from headrace.intake.wire.otlp_faults import Faults, find_bad_ids, find_too_large
from headrace.intake.wire.otlp_view import Shape, shape_of
from headrace.ports.records import Signal

FLAT_LIMIT_BYTES = 512 * 1024 * 1024
"""Of a request, as `otlp_cut.flat_bytes` counts."""
_SURELY_SMALL = 6 + 1
"""A body this many times below the limit of a record holds no record over it, see `otlp_faults`."""


@dataclass(slots=True)
class Admitted:
    """The messages of a request, and how many of its records were refused, by reason."""

    packed: list[Packed] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def records(self) -> int:
        """How many are stored."""
        return sum(each.records for each in self.packed)

    def reason(self) -> str:
        """The refusals in one line for a person, with counts; "" when there are none."""
        return "; ".join(f"{count} refused: {why}" for why, count in self.refused.items())


def admit(signal: Signal, body: bytes, received_unix_nano: int, *, record_limit_bytes: int) -> Admitted:
    """Check, repair and pack the protobuf `body` of one request.

    Raises:
        InvalidInput: the body is not such a request.
        TooLarge: its records, each with its resource and scope, come to more than FLAT_LIMIT_BYTES.
    """
    shape = shape_of(signal)
    try:
        parts = shape.parts.FromString(body)
        records = sum(len(group.records) for group in shape.groups(parts))
        flat = otlp_cut.flat_bytes(shape.groups(parts))
        _check_size(records, flat)
        request = shape.request.FromString(body)
    except DecodeError as cause:
        raise InvalidInput(f"the body is not a protobuf {shape.request.__name__}: {cause}") from cause
    faults = {group.place: bad for group in shape.groups(request) if (bad := find_bad_ids(signal, group))}
    del request
    if len(body) > record_limit_bytes // _SURELY_SMALL:
        _add_too_large(faults, signal, shape, parts, received_unix_nano, record_limit_bytes)
    if not records:
        return Admitted()
    if not faults and records <= otlp_cut.RECORDS and len(body) <= otlp_cut.PLAIN_BYTES and flat <= otlp_cut.FLAT_BYTES:
        whole = encode_request(body, records)
        if len(whole.body) <= MESSAGE_LIMIT_BYTES:
            return Admitted([whole])
    return _written_anew(shape, parts, faults)


def _check_size(records: int, flat_bytes: int) -> None:
    if flat_bytes > FLAT_LIMIT_BYTES:
        what = f"what {records} records come to, each with its resource and scope,"
        raise TooLarge(what, limit_bytes=FLAT_LIMIT_BYTES, size_bytes=flat_bytes)


def _add_too_large(
    faults: Faults, signal: Signal, shape: Shape, parts: object, received_unix_nano: int, limit_bytes: int
) -> None:
    for group in shape.groups(parts):
        for number, why in find_too_large(signal, shape, group, received_unix_nano, limit_bytes):
            faults.setdefault(group.place, {}).setdefault(number, why)


def _written_anew(shape: Shape, parts: object, faults: Faults) -> Admitted:
    admitted = Admitted()
    kept: otlp_cut.Run = []
    for group in shape.groups(parts):
        bad = faults.get(group.place, {})
        admitted.refused.update(bad.values())
        kept.append((group, [raw for number, raw in enumerate(group.records) if number not in bad]))
    for run in otlp_cut.runs(kept):
        admitted.packed += _packed(shape, run)
    return admitted


def _packed(shape: Shape, run: otlp_cut.Run) -> Iterator[Packed]:
    """The messages of a run, which is halved until each fits: sizes are known only after compression."""
    count = otlp_cut.count_records(run)
    message = encode_request(otlp_cut.cut_out(shape, run), count)
    if count == 1 or len(message.body) <= MESSAGE_LIMIT_BYTES:
        yield message
        return
    for half in otlp_cut.halves(run):
        yield from _packed(shape, half)
