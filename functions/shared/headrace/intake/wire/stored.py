"""Stored requests, as those read them who take messages from a queue: views of what is on the wire, and flat records.

Whatever form a message has, its flat records are the same, and the same on each delivery: a record without any time
has the time at which its request was received, which goes with the message.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from headrace.errors import InvalidInput
from headrace.intake.wire import otlp_cut
from headrace.intake.wire.envelope import Packed, decode_array, decode_request, encode_request, is_request
from headrace.intake.wire.otlp_flat import flat_group
from headrace.intake.wire.otlp_view import Group, shape_of
from headrace.ports.records import SIGNALS, Record, Signal

_LIMIT_BYTES = 64 * 1024 * 1024
"""Of a request before compression: a record alone may be as large as a request may be."""


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """One request, its records not made yet."""

    signal: Signal
    protobuf: bytes
    received_unix_nano: int

    def groups(self) -> Iterator[Group]:
        """Records by resource and scope, of the view for reading. Raises InvalidInput."""
        shape = shape_of(self.signal)
        return shape.groups(_parse(shape.view, self.protobuf))

    def flat(self, group: Group, records: Sequence[Any], *, written: bool) -> list[Record]:
        """Flat records of some of a group; with `written` fit for `orjson.dumps` only."""
        return flat_group(self.signal, group, records, self.received_unix_nano, written=written)

    def last(self, count: int) -> list[Record]:
        """The last `count` flat records, or all where there are fewer; fit for `orjson.dumps` only."""
        found: list[Record] = []
        for group in reversed(list(self.groups())):
            left = count - len(found)
            if left <= 0:
                break
            found = [*self.flat(group, group.records[-left:], written=True), *found]
        return found

    def alone(self, group: Group, number: int) -> Packed:
        """One record of a group as a message of its own, which is this request with nothing else."""
        shape = shape_of(self.signal)
        parts = shape.groups(_parse(shape.parts, self.protobuf))
        found = next(each for each in parts if each.place == group.place)
        return encode_request(otlp_cut.cut_out(shape, [(found, [found.records[number]])]), 1)


def read_request(body: str, attributes: Mapping[str, str]) -> StoredRequest:
    """The request of a message of schema 2.

    Raises:
        InvalidInput: it holds none, or it is damaged.
        TooLarge: no message of ours is that large.
    """
    signal = attributes.get("signal")
    if signal not in SIGNALS:
        raise InvalidInput(f"signal {signal!r} is not known here", field="signal")
    received = attributes.get("received_unix_nano", "")
    if not received.isdecimal():
        raise InvalidInput("received_unix_nano is missing", field="received_unix_nano")
    protobuf = decode_request(body, attributes, limit_bytes=_LIMIT_BYTES)
    return StoredRequest(signal, protobuf, int(received))


def decode_records(body: str, attributes: Mapping[str, str]) -> list[Record]:
    """All flat records of a message, of either schema, to be read.

    Raises:
        InvalidInput: not a message of records.
        TooLarge: no message of ours is that large.
    """
    if not is_request(attributes):
        return decode_array(body, attributes)
    request = read_request(body, attributes)
    return [record for group in request.groups() for record in request.flat(group, group.records, written=False)]


def _parse(view: Any, protobuf: bytes) -> Any:
    try:
        return view.FromString(protobuf)
    except DecodeError as cause:
        raise InvalidInput(f"the message is not a request of OTLP: {cause}") from cause
