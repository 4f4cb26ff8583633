"""What the flat records of all signals share: values, attributes, ids, resources and scopes.

Resources, scopes and attributes come as bytes (`otlp_view`). They repeat, from record to record and from request to
request: each is decoded once and remembered, bounded in entries and in the bytes of an entry. A short attribute with a
text or a number is decoded here, by hand; everything else by protobuf. Nobody may change what is remembered.
Source: https://github.com/open-telemetry/opentelemetry-proto (common and resource v1)
"""

from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from math import inf, isfinite
from struct import Struct
from typing import Any, NamedTuple

import orjson
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

_REMEMBERED_ATTRIBUTES = 4096
_SHORT_BYTES = 127
"""Of an attribute: up to here all its lengths take one byte. Longer ones hardly repeat and are not remembered."""

_REMEMBERED_SHARED = 256
_SHARED_BYTES = 4 * 1024
"""Of a resource or scope; larger ones are not remembered."""

# Tags (field number << 3 | wire type): the fields of a KeyValue, and the kinds of an AnyValue that are decoded here.
_KEY, _VALUE = 0x0A, 0x12
_STRING, _INT, _DOUBLE = 0x0A, 0x18, 0x21
_DOUBLE_BYTES = 9
"""Its tag counted too."""
_MORE = 0x80
"""The bit of a varint's byte that says that another byte follows."""

TRACE_ID_BYTES, SPAN_ID_BYTES = 16, 8

_double = Struct("<d").unpack_from


def attributes(pairs: Any) -> dict[str, Any]:
    """Encoded attributes as a JSON object; of two with one key the last one wins."""
    flat: dict[str, Any] = {}
    for pair in pairs[:]:  # a slice first: stepping through protobuf's own container is slower
        key, plain = known_attribute(pair) or learn_attribute(pair)
        flat[key] = plain
    return flat


def decoded_attributes(pairs: Any) -> dict[str, Any]:
    """The same of KeyValue messages, as they stand within events, links, exemplars and maps."""
    flat: dict[str, Any] = {}
    for pair in list(pairs):
        any_value = pair.value
        flat[pair.key] = any_value.string_value or value(any_value)
    return flat


def value(any_value: Any) -> Any:
    """An AnyValue as JSON: numbers, booleans, arrays and maps as they are, bytes as base64, unset as null."""
    kind = any_value.WhichOneof("value")
    if kind == "int_value":
        return any_value.int_value
    if kind is None:
        return None
    plain = getattr(any_value, kind)
    if kind == "double_value":
        return number(plain)
    if kind == "array_value":
        return [value(each) for each in plain.values]
    if kind == "kvlist_value":
        return decoded_attributes(plain.values)
    return b64encode(plain).decode() if kind == "bytes_value" else plain


def number(double: float) -> float | str:
    """JSON has no NaN and no infinities: these become the strings that OTLP/JSON uses for them."""
    if isfinite(double):
        return double
    return "NaN" if double != double else "Infinity" if double == inf else "-Infinity"


def hex_id(raw: bytes) -> str:
    """An id as hex digits, "" for an absent (empty or all-zero) one."""
    return raw.hex() if any(raw) else ""


# --- attributes by their bytes -----------------------------------------------------------------------------------

_attributes_by_bytes: dict[bytes, tuple[str, Any]] = {}
known_attribute = _attributes_by_bytes.get
"""`(encoded pair) -> (key, value)` if it is remembered."""


def learn_attribute(pair: bytes) -> tuple[str, Any]:
    """Decode an attribute, and remember it if it is short.

    When the memory is full it starts anew: with values that never repeat this costs less than a memory of those
    used last, which drops one for each new one, and those that do repeat are soon back.
    """
    if len(pair) > _SHORT_BYTES:
        return _any_attribute(pair)
    try:
        attribute = _plain_attribute(pair) or _any_attribute(pair)
    except IndexError:
        attribute = _any_attribute(pair)
    if len(_attributes_by_bytes) >= _REMEMBERED_ATTRIBUTES:
        _attributes_by_bytes.clear()
    _attributes_by_bytes[pair] = attribute
    return attribute


def _plain_attribute(pair: bytes) -> tuple[str, Any] | None:
    """A short key, then a text, a double or an integer that is not negative, and nothing else. Raises IndexError."""
    at = pair[1] + 2  # where the tag of the value is
    left = len(pair) - at - 2
    if pair[0] == _KEY and pair[at] == _VALUE and pair[at + 1] == left:
        kind = pair[at + 2]
        if kind == _STRING and pair[at + 3] == left - 2:
            return pair[2:at].decode(), pair[at + 4 :].decode()
        if kind == _INT and (integer := _whole_varint(pair[at + 3 :])) is not None:
            return pair[2:at].decode(), integer
        if kind == _DOUBLE and left == _DOUBLE_BYTES:
            return pair[2:at].decode(), number(_double(pair, at + 3)[0])
    return None


def _whole_varint(raw: bytes) -> int | None:
    """The number that fills `raw`, least bits first; None for others, and for negative ones, which take ten bytes."""
    if not 0 < len(raw) < 10 or raw[-1] & _MORE:
        return None
    integer = raw[-1]
    for byte in raw[-2::-1]:
        if not byte & _MORE:
            return None
        integer = integer << 7 | byte & 0x7F
    return integer


def _any_attribute(pair: bytes) -> tuple[str, Any]:
    message = KeyValue.FromString(pair)
    any_value = message.value
    return message.key, any_value.string_value or value(any_value)


# --- resources and scopes by their bytes ---------------------------------------------------------------------------


class Shared(NamedTuple):
    """A resource or scope, ready for its records: as an object to read, and as JSON that is written already."""

    plain: dict[str, Any]
    written: orjson.Fragment


def resource_of(pieces: Any) -> Shared:
    """The attributes of a resource that came in `pieces`."""
    return _remembered(_resource, b"".join(pieces))


def scope_of(pieces: Any) -> Shared:
    """An instrumentation scope that came in `pieces`."""
    return _remembered(_scope, b"".join(pieces))


def _remembered(decode: Any, raw: bytes) -> Shared:
    made: Shared = decode(raw) if len(raw) <= _SHARED_BYTES else decode.__wrapped__(raw)
    return made


def _lru(decode: Callable[[bytes], Shared]) -> Any:
    return lru_cache(_REMEMBERED_SHARED)(decode)


@_lru
def _resource(raw: bytes) -> Shared:
    flat = decoded_attributes(Resource.FromString(raw).attributes)
    return Shared(flat, orjson.Fragment(orjson.dumps(flat)))


@_lru
def _scope(raw: bytes) -> Shared:
    scope = InstrumentationScope.FromString(raw)
    flat: dict[str, Any] = {"name": scope.name}
    if scope.version:
        flat["version"] = scope.version
    if scope.attributes:
        flat["attributes"] = decoded_attributes(scope.attributes)
    return Shared(flat, orjson.Fragment(orjson.dumps(flat)))
