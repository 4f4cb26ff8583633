"""Requests cut at records: each part is a request of its own, with the resource and scope of its records.

A part stays within what one message may hold: so many records, so many bytes, and so much memory once each of its
records has a resource and a scope of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from headrace.intake.wire.otlp_view import Group, Shape

RECORDS = 8192
"""In one message, at most."""
PLAIN_BYTES = 1024 * 1024
"""Of one message before compression; a record alone may be larger."""
FLAT_BYTES = 8 * 1024 * 1024
"""What the records of one message come to, as `flat_bytes` counts."""

_RECORD_BYTES = 400
"""What a flat record takes in memory at the least; on the wire it may be two."""
_GROUP_BYTES = 64
"""Of a group on the wire beside its resource, scope and records: tags and lengths."""
_TAG_BYTES = 6
"""Of a record on the wire: its tag and length, at most."""

Run = list[tuple[Group, Sequence[bytes]]]
"""Records as bytes, by their groups."""


def shared_bytes(group: Group) -> int:
    """What each record of `group`, of the parts, repeats: resource and scope, in bytes on the wire."""
    return sum(map(len, group.outer.resource)) + sum(map(len, group.inner.scope))


def flat_bytes(groups: Iterable[Group]) -> int:
    """What all records of the parts come to in memory, each with a resource and scope of its own."""
    return sum(len(group.records) * (_RECORD_BYTES + shared_bytes(group)) for group in groups)


def count_records(run: Run) -> int:
    """Of all its groups."""
    return sum(len(records) for _, records in run)


def runs(kept: Run) -> Iterator[Run]:
    """`kept` in the same order, in runs that stay within the bounds of a message; a record alone may be over them."""
    run: Run = []
    count = plain = flat = 0
    for group, records in kept:
        shared, start = shared_bytes(group), 0
        plain += shared + _GROUP_BYTES
        for at, raw in enumerate(records):
            count, plain, flat = count + 1, plain + len(raw) + _TAG_BYTES, flat + _RECORD_BYTES + shared
            if count > 1 and (count > RECORDS or plain > PLAIN_BYTES or flat > FLAT_BYTES):
                yield [*run, (group, records[start:at])] if at > start else run
                run, start = [], at
                count, plain, flat = 1, shared + _GROUP_BYTES + len(raw) + _TAG_BYTES, _RECORD_BYTES + shared
        run.append((group, records[start:]))
    if count:
        yield run


def halves(run: Run) -> tuple[Run, Run]:
    """A run of two records or more, cut in the middle."""
    left = count_records(run) // 2
    first: Run = []
    second: Run = []
    for group, records in run:
        taken = min(left, len(records))
        left -= taken
        first += [(group, records[:taken])] * (taken > 0)
        second += [(group, records[taken:])] * (taken < len(records))
    return first, second


def cut_out(shape: Shape, run: Run) -> bytes:
    """A request of just these records."""
    request = shape.parts()
    outer = inner = None
    at: tuple[int, ...] = ()
    for group, records in run:
        if outer is None or at[:1] != group.place[:1]:
            outer, inner = _add_outer(getattr(request, shape.resources), group), None
        if inner is None or at[:2] != group.place[:2]:
            inner = _add_inner(getattr(outer, shape.scopes), group)
        at = group.place
        if group.metric is None:
            getattr(inner, shape.records).extend(records)
        else:
            _add_points(getattr(inner, shape.records), group, records)
    return bytes(request.SerializeToString())


def _add_outer(into: Any, group: Group) -> Any:
    added = into.add()
    added.resource.extend(group.outer.resource)
    added.schema_url = group.outer.schema_url
    return added


def _add_inner(into: Any, group: Group) -> Any:
    added = into.add()
    added.scope.extend(group.inner.scope)
    added.schema_url = group.inner.schema_url
    return added


def _add_points(into: Any, group: Group, points: Sequence[bytes]) -> None:
    """A metric with some of its points: its name, unit, description, kind, temporality and the rest stay."""
    metric = into.add()
    metric.CopyFrom(group.metric)
    data = getattr(metric, group.kind)
    del data.data_points[:]
    data.data_points.extend(points)
