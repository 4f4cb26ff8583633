"""Which records of a valid request are refused, one by one, while their neighbours are stored.

A record with a trace or span id of the wrong length (OTLP: an invalid value), and one that as a flat record would be
larger than the limit. Columns of lengths are looked at first: a request without a fault costs no look at records.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import orjson

from headrace.intake.wire.otlp_cut import cut_out
from headrace.intake.wire.otlp_flat import flat_records
from headrace.intake.wire.otlp_json import NOT_HEX
from headrace.intake.wire.otlp_values import SPAN_ID_BYTES, TRACE_ID_BYTES
from headrace.intake.wire.otlp_view import Group, Shape
from headrace.ports.records import Signal

Place = tuple[int, int, int]
Faults = dict[Place, dict[int, str]]
"""Why records are refused: by the place of their group, then by their number in it."""

_TRACE, _SPAN = (0, TRACE_ID_BYTES), (0, SPAN_ID_BYTES)
_GROWTH = 6
"""Bytes of JSON for each byte on the wire, at most: a control character becomes `\\u0000`."""
_FRAME_BYTES = 600
"""Of the flat record around what came: the names of its fields, ids and times."""
_PART_BYTES = 40
"""Of an event, link, exemplar or quantile as JSON, at the least."""


class _Id(NamedTuple):
    """A field that holds an id, within a record or within what it repeats."""

    name: str
    lengths: tuple[int, ...]
    within: str = ""


_IDS: Mapping[Signal, Sequence[_Id]] = {
    "logs": (_Id("trace_id", _TRACE), _Id("span_id", _SPAN)),
    "traces": (
        _Id("trace_id", (TRACE_ID_BYTES,)),
        _Id("span_id", (SPAN_ID_BYTES,)),
        _Id("parent_span_id", _SPAN),
        _Id("trace_id", _TRACE, "links"),
        _Id("span_id", _SPAN, "links"),
    ),
    "metrics": (_Id("trace_id", _TRACE, "exemplars"), _Id("span_id", _SPAN, "exemplars")),
}


def find_bad_ids(signal: Signal, group: Group) -> dict[int, str]:
    """Records of `group`, of any class but the parts, with an id that is none; by their number, why."""
    records = list(group.records)  # once: each look makes an object of every record
    if all(_all_fit(wanted, group.kind, records) for wanted in _IDS[signal]):
        return {}
    found = ((number, _bad_id(signal, group.kind, record)) for number, record in enumerate(records))
    return {number: why for number, why in found if why is not None}


def _all_fit(wanted: _Id, kind: str, records: Sequence[Any]) -> bool:
    if wanted.within:
        holders = () if kind == "summary" else chain.from_iterable(map(attrgetter(wanted.within), records))
        return set(map(len, map(attrgetter(wanted.name), holders))) <= set(wanted.lengths)
    ids = list(map(attrgetter(wanted.name), records))
    return set(map(len, ids)) <= set(wanted.lengths) and (0 in wanted.lengths or all(map(any, ids)))


def _bad_id(signal: Signal, kind: str, record: Any) -> str | None:
    for wanted in _IDS[signal]:
        if wanted.within and kind == "summary":
            continue
        if wanted.name == "parent_span_id" and not (any(record.trace_id) and any(record.span_id)):
            return "a span without a trace id or span id"
        for holder in getattr(record, wanted.within) if wanted.within else (record,):
            raw = getattr(holder, wanted.name)
            what, length = wanted.name.removeprefix("parent_").replace("_", " "), wanted.lengths[-1]
            if raw == NOT_HEX:
                return f"{what} that is not hex, {2 * length} digits are needed"
            if len(raw) not in (0, length):
                return f"{what} of {len(raw)} bytes, {length} are needed"
    return None


def find_too_large(
    signal: Signal, shape: Shape, group: Group, received_unix_nano: int, limit_bytes: int
) -> Iterator[tuple[int, str]]:
    """Records of `group`, of the parts, that are over the limit as flat JSON, with the reason.

    Only those that could be are made flat, and of these none that is over it by its parts alone.
    """
    shared = _FRAME_BYTES + _GROWTH * sum(map(len, [*group.outer.resource, *group.inner.scope]))
    if group.metric is not None:
        shared += _GROWTH * (len(group.metric.name) + len(group.metric.description) + len(group.metric.unit)) * 4
    for number, raw in enumerate(group.records):
        near = shared + _GROWTH * len(raw) > limit_bytes
        if near and _is_over(signal, shape, group, raw, received_unix_nano, limit_bytes):
            yield number, f"record over {limit_bytes} bytes"


def _is_over(signal: Signal, shape: Shape, group: Group, raw: bytes, received: int, limit_bytes: int) -> bool:
    body = cut_out(shape, [(group, [raw])])
    (read,) = shape.groups(shape.view.FromString(body))
    if _PART_BYTES * _parts(read.records[0]) > limit_bytes:
        return True
    (record,) = flat_records(signal, body, received)
    return len(orjson.dumps(record)) > limit_bytes


def _parts(record: Any) -> int:
    names = ("events", "links", "exemplars", "quantile_values")
    return sum(len(getattr(record, name)) for name in names if hasattr(record, name))
