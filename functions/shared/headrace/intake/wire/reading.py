"""What a program reads of records that are still on the wire, as keys: equal keys mean that it sees the same.

A program that is known to read certain paths, and nothing else, gives the same for all records that have the same
there. The key of a record has two parts: one of what its group shares (resource, metric), made once for the group, and
one of its own. For a key there is a record that holds just these paths, to be shown to the program once.
Whatever no key is made of (whole attributes, ids, times, values of points) is read from flat records only.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import orjson

from headrace.intake.wire.otlp_flat_metrics import shared_of_points
from headrace.intake.wire.otlp_flat_spans import KINDS, enum_name, flat_status
from headrace.intake.wire.otlp_values import known_attribute, learn_attribute, resource_of, value
from headrace.intake.wire.otlp_view import Group
from headrace.ports.records import Record, Signal

Path = tuple[str, ...]

_ATTRIBUTES, _RESOURCE = "attributes", "resourceAttributes"
_UNKEYED: Mapping[Signal, frozenset[str]] = {
    "logs": frozenset(("scope", "traceId", "spanId", "timestamp", "observedTimestamp", "flags")),
    "traces": frozenset(
        [
            "scope",
            "traceId",
            "spanId",
            "parentSpanId",
            "timestamp",
            "endTimestamp",
            "durationNano",
            "events",
            "links",
            "traceState",
            "flags",
        ]
    ),
    "metrics": frozenset(
        [
            "scope",
            "timestamp",
            "startTimestamp",
            "flags",
            "value",
            "exemplars",
            "count",
            "sum",
            "min",
            "max",
            "bucketCounts",
            "explicitBounds",
            "scale",
            "zeroCount",
            "zeroThreshold",
            "positive",
            "negative",
            "quantiles",
        ]
    ),
}
"""Fields of flat records that no key is made of."""


class _Field:
    """A field that a key is made of: its part of the key, and what stands in the flat record."""

    def __init__(self, key: Callable[[Any], Any], flat: Callable[[Any], Any]) -> None:
        self.key, self.flat = key, flat


_OF_RECORDS: Mapping[Signal, Mapping[str, _Field]] = {
    "logs": {
        "severityNumber": _Field(attrgetter("severity_number"), attrgetter("severity_number")),
        "severityText": _Field(attrgetter("severity_text"), attrgetter("severity_text")),
        "body": _Field(
            lambda log: log.body.string_value or log.body.SerializeToString(),
            lambda log: log.body.string_value or value(log.body),
        ),
        "eventName": _Field(attrgetter("event_name"), lambda log: log.event_name or None),
    },
    "traces": {
        "name": _Field(attrgetter("name"), attrgetter("name")),
        "kind": _Field(attrgetter("kind"), lambda span: enum_name(KINDS, span.kind)),
        "status": _Field(lambda span: (span.status.code, span.status.message), lambda span: flat_status(span.status)),
    },
    "metrics": {},
}
_OF_METRICS = ("name", "description", "unit", "type", "temporality", "monotonic")
_CONSTANT: Mapping[Signal, Record] = {"logs": {}, "traces": {"signal": "span"}, "metrics": {"signal": "metric"}}


class Reading:
    """The keys of one program for one signal. Made by `reading_of`."""

    def __init__(self, signal: Signal, paths: Sequence[Path]) -> None:
        roots = dict.fromkeys(path[0] for path in paths)
        self._signal = signal
        self._fields = {root: field for root, field in _OF_RECORDS[signal].items() if root in roots}
        self._metric = tuple(root for root in _OF_METRICS if signal == "metrics" and root in roots)
        self._attributes = tuple(dict.fromkeys(path[1] for path in paths if path[0] == _ATTRIBUTES))
        self._resource = tuple(dict.fromkeys(path[1] for path in paths if path[0] == _RESOURCE))
        self._keys = tuple(field.key for field in self._fields.values())

    def shared(self, group: Group) -> bytes:
        """The part of the key that all records of a group have."""
        shared = _resource_key(b"".join(group.outer.resource), self._resource) if self._resource else b""
        if self._metric:
            facts = shared_of_points(group.metric, group.kind)
            shared += orjson.dumps([facts.get(name) for name in self._metric])
        return shared

    def own(self, records: Sequence[Any]) -> list[Any]:
        """The part of the key that is a record's own, of each of `records`."""
        if self._attributes:
            keys = self._keys
            return [(*(key(record) for key in keys), *self._pairs(record)) for record in records]
        if len(self._keys) == 1:
            return list(map(self._keys[0], records))
        return [tuple(key(record) for key in self._keys) for record in records]

    def _pairs(self, record: Any) -> tuple[bytes | None, ...]:
        """The encoded attributes that are read, in the order of their names; of two with one key the last one."""
        found: dict[str, bytes] = {}
        for pair in record.attributes[:]:
            name = (known_attribute(pair) or learn_attribute(pair))[0]
            if name in self._attributes:
                found[name] = pair
        return tuple(map(found.get, self._attributes))

    def shown(self, group: Group, record: Any) -> Record:
        """A flat record with no more than the program reads."""
        flat: Record = dict(_CONSTANT[self._signal])
        for root, field in self._fields.items():
            if (found := field.flat(record)) is not None or root != "eventName":
                flat[root] = found
        if self._metric:
            facts = shared_of_points(group.metric, group.kind)
            flat |= {name: facts[name] for name in self._metric if name in facts}
        if self._attributes:
            pairs = (known_attribute(pair) or learn_attribute(pair) for pair in record.attributes[:])
            flat[_ATTRIBUTES] = {name: plain for name, plain in pairs if name in self._attributes}
        if self._resource:
            plain = resource_of(group.outer.resource).plain
            flat[_RESOURCE] = {name: plain[name] for name in self._resource if name in plain}
        return flat


@lru_cache(maxsize=1024)
def reading_of(signal: Signal, paths: tuple[Path, ...]) -> Reading | None:
    """The keys of a program that reads `paths` of records of `signal`; None when there are none for some of them."""
    for path in paths:
        if not path or path[0] in _UNKEYED[signal]:
            return None
        if path[0] in (_ATTRIBUTES, _RESOURCE) and len(path) == 1:
            return None
    return Reading(signal, paths)


@lru_cache(maxsize=256)
def _resource_key(raw: bytes, names: tuple[str, ...]) -> bytes:
    """What a resource has under `names`, absent and null told apart; decoded once for each resource."""
    plain = resource_of((raw,)).plain
    return orjson.dumps([[plain[name]] if name in plain else [] for name in names])
