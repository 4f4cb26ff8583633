"""Requests that are still on the wire into flat records, one group of records at a time; contract section 1.

Whoever only writes the records as JSON again asks for fragments: what many records share is JSON once. Whoever reads
them, transforms and runs, asks for objects.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.intake.wire.otlp_flat_logs import flat_log
from headrace.intake.wire.otlp_flat_metrics import flat_point, shared_of_points
from headrace.intake.wire.otlp_flat_spans import flat_span
from headrace.intake.wire.otlp_values import resource_of, scope_of
from headrace.intake.wire.otlp_view import Group, shape_of
from headrace.ports.records import Record, Signal

_FLAT: Mapping[Signal, Callable[[Any, int], Record]] = {"logs": flat_log, "traces": flat_span}


def flat_group(
    signal: Signal, group: Group, records: Sequence[Any], received_unix_nano: int, *, written: bool
) -> list[Record]:
    """Flat records of some `records` of `group`, both of the view for reading.

    With `written`, resource and scope are fragments, and the records fit for `orjson.dumps` only.
    """
    resource, scope = resource_of(group.outer.resource), scope_of(group.inner.scope)
    shared: Record = {
        "resourceAttributes": resource.written if written else resource.plain,
        "scope": scope.written if written else scope.plain,
    }
    if signal == "metrics":
        shared = {"signal": "metric", **shared, **shared_of_points(group.metric, group.kind)}
        return [{**shared, **flat_point(group.kind, point, received_unix_nano)} for point in records]
    if signal == "traces":
        shared = {"signal": "span", **shared}
    flat = _FLAT[signal]
    return [{**shared, **flat(record, received_unix_nano)} for record in records]


def flat_records(signal: Signal, body: bytes, received_unix_nano: int) -> list[Record]:
    """All records of a stored request, resource and scope as objects. Raises DecodeError."""
    shape = shape_of(signal)
    return [
        record
        for group in shape.groups(shape.view.FromString(body))
        for record in flat_group(signal, group, group.records, received_unix_nano, written=False)
    ]
