"""Items as rows: the keys and the expiry have columns, all else is one JSON text.

Integers of any length stay exact, so the standard library's JSON reads, and writes what orjson cannot. JSON has no
bytes, so at the top level they become `{"$bytes": <base64>}`; an object of the user's that looks like one is wrapped.
"""

import json
from collections.abc import Mapping
from typing import Any

import orjson
from pybase64 import b64decode, b64encode_as_string

from headrace.ports.table import Item

COLUMNS = ("pk", "sk", "gsi_pk", "gsi_sk", "expires_at")

_BYTES, _PLAIN = "$bytes", "$plain"
_encode_any_length = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_decode_json = json.JSONDecoder().decode


def encode_row(item: Item) -> dict[str, Any]:
    """The values of all columns for a checked `item`."""
    row = {name: item.get(name) for name in COLUMNS}
    document = {name: _wrapped(value) for name, value in item.items() if name not in row}
    return row | {"doc": _encode_json(document)}


def decode_row(row: Mapping[Any, Any]) -> Item:
    """The item that `encode_row` was given; tuples have become lists."""
    item = {name: row[name] for name in COLUMNS if row[name] is not None}
    for name, value in _decode_json(row["doc"]).items():
        item[name] = _unwrapped(value)
    return item


def _encode_json(document: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(document).decode()
    except orjson.JSONEncodeError:  # an integer of more than 64 bits
        return _encode_any_length(document)


def _wrapped(value: Any) -> Any:
    if isinstance(value, bytes):
        return {_BYTES: b64encode_as_string(value)}
    return {_PLAIN: value} if _looks_wrapped(value) else value


def _unwrapped(value: Any) -> Any:
    if not _looks_wrapped(value):
        return value
    return b64decode(value[_BYTES]) if _BYTES in value else value[_PLAIN]


def _looks_wrapped(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and (_BYTES in value or _PLAIN in value)
