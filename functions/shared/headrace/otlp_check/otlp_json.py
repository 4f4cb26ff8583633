"""Protobuf messages as OTLP/JSON, in each of the spellings that a receiver must understand.

Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

IDS = {"traceId", "spanId", "parentSpanId"}
_LONG_INTEGERS = {
    "timeUnixNano",
    "observedTimeUnixNano",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "intValue",
    "asInt",
    "count",
    "zeroCount",
    "bucketCounts",
}
_SHORT_INTEGERS = {
    "flags",
    "scale",
    "offset",
    "droppedAttributesCount",
    "droppedEventsCount",
    "droppedLinksCount",
}
_OTHER_ENUMS = {"severityNumber": 17, "kind": 3, "aggregationTemporality": 1}
_UNKNOWN = {"ofTomorrow": {"resourceLogs": 17, "deep": [1, None, {"x": "y"}]}, "zz": [], "traceID": True}
"""Fields that no version of the schema has; one differs from a known name only by case."""

Tree = Any


def to_tree(message: Message) -> Tree:
    """The JSON tree of a message: lowerCamelCase, hex ids, enums as numbers, 64-bit integers as strings."""
    tree = MessageToDict(message, use_integers_for_enums=True)
    return _changed(tree, IDS, lambda encoded: base64.b64decode(encoded).hex())


def encode(tree: Tree) -> bytes:
    """The bytes of a tree."""
    return json.dumps(tree, ensure_ascii=False).encode()


def with_ids(tree: Tree, spell: Callable[[str], str]) -> Tree:
    """With every id, given as lower-case hex, spelled in another way."""
    return _changed(tree, IDS, spell)


def in_letters(identifier: str) -> str:
    """Another id of the same length, of hex digits that are letters."""
    return "".join("abcdef"[int(digit, 16) % 6] for digit in identifier)


def in_base64(identifier: str) -> str:
    """An id as protobuf's own JSON mapping would have it, which is not what OTLP wants."""
    return base64.b64encode(bytes.fromhex(identifier)).decode()


def with_numbers(tree: Tree) -> Tree:
    """With 64-bit integers as JSON numbers."""
    return _changed(tree, _LONG_INTEGERS, int)


def with_strings(tree: Tree) -> Tree:
    """With 32-bit integers as strings, too."""
    return _changed(tree, _SHORT_INTEGERS, str)


def with_unknown_fields(tree: Tree) -> Tree:
    """With unknown fields in every object."""
    if isinstance(tree, dict):
        return {**{name: with_unknown_fields(value) for name, value in tree.items()}, **_UNKNOWN}
    return [with_unknown_fields(each) for each in tree] if isinstance(tree, list) else tree


def with_nulls(tree: Tree) -> Tree:
    """With a null in every object that has attributes: the field counts as not set."""
    if isinstance(tree, dict):
        nulls = {"droppedAttributesCount": None} if "attributes" in tree else {}
        return {**{name: with_nulls(value) for name, value in tree.items()}, **nulls}
    return [with_nulls(each) for each in tree] if isinstance(tree, list) else tree


def with_other_enums(tree: Tree) -> Tree:
    """With enums at numbers that a minimal request does not have."""
    if isinstance(tree, dict):
        return {name: _OTHER_ENUMS.get(name, with_other_enums(value)) for name, value in tree.items()}
    return [with_other_enums(each) for each in tree] if isinstance(tree, list) else tree


def in_reverse(tree: Tree) -> Tree:
    """With the keys of every object the other way round."""
    if isinstance(tree, dict):
        return {name: in_reverse(tree[name]) for name in reversed(tree)}
    return [in_reverse(each) for each in tree] if isinstance(tree, list) else tree


def with_attribute_values(tree: Tree, values: list[dict[str, Any]]) -> Tree:
    """With attributes of these values on every resource."""
    attributes = [{"key": f"check.{index}", "value": value} for index, value in enumerate(values)]
    ((root, resources),) = tree.items()
    for each in resources:
        each["resource"]["attributes"] += attributes
    return {root: resources}


def _changed(tree: Tree, names: set[str], change: Callable[[Any], Any]) -> Tree:
    if isinstance(tree, list):
        return [_changed(each, names, change) for each in tree]
    if not isinstance(tree, dict):
        return tree
    return {
        name: _applied(value, change) if name in names else _changed(value, names, change)
        for name, value in tree.items()
    }


def _applied(value: Any, change: Callable[[Any], Any]) -> Any:
    return [_applied(each, change) for each in value] if isinstance(value, list) else change(value)
