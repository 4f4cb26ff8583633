"""OTLP/JSON into the protobuf message that it stands for, so that all encodings share one way of flattening.

The rules are those of OTLP, which differ from protobuf's own JSON mapping: hex ids, integer enums, lowerCamelCase
names only, unknown fields ignored at every level. What each message type takes is worked out once from its
descriptor. Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from base64 import b64decode
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from headrace.errors import InvalidInput

MAX_DEPTH = 100
"""Nested messages, as in protobuf's own decoder."""

_IDS = {"trace_id", "span_id", "parent_span_id"}
_PLAIN_ALPHABET = str.maketrans("-_", "+/")
NOT_HEX = b"this is not hex"
"""Stands for an id that is not hex: of no valid length, so that just this record is refused later."""

Setter = Callable[[Any, Any, str, int], None]
"""`(message, JSON value, path, depth)`"""


def parse_json(body: bytes, message_type: type[Message]) -> Message:
    """The message of `message_type` that `body` holds.

    Raises:
        InvalidInput: not JSON, or a value of the wrong type; `field` is its path.
    """
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError as cause:
        raise InvalidInput(f"the body is not JSON: {cause}") from cause
    message = message_type()
    _fill(message, tree, "", 0)
    return message


def _fill(message: Any, tree: Any, path: str, depth: int) -> None:
    if not isinstance(tree, dict):
        raise _wrong(path, "an object", tree)
    if depth > MAX_DEPTH:
        raise InvalidInput(f"{path}: nested more than {MAX_DEPTH} deep", field=path)
    setters = _setters(message.DESCRIPTOR)
    for name, value in tree.items():
        setter = setters.get(name)
        if setter is not None and value is not None:
            setter(message, value, f"{path}.{name}" if path else name, depth)


@cache
def _setters(descriptor: Descriptor) -> dict[str, Setter]:
    return {field.json_name: _setter(field) for field in descriptor.fields}


def _setter(field: FieldDescriptor) -> Setter:
    name = field.name
    convert = None if field.message_type else _converter(field)

    def set_one(message: Any, value: Any, path: str, depth: int) -> None:
        if convert is None:
            inner = getattr(message, name)
            inner.SetInParent()
            _fill(inner, value, path, depth + 1)
        else:
            setattr(message, name, _converted(convert, value, path))

    def set_all(message: Any, values: Any, path: str, depth: int) -> None:
        if not isinstance(values, list):
            raise _wrong(path, "an array", values)
        target = getattr(message, name)
        for index, value in enumerate(values):
            if convert is None:
                _fill(target.add(), value, f"{path}[{index}]", depth + 1)
            else:
                target.append(_converted(convert, value, f"{path}[{index}]"))

    return set_all if field.is_repeated else set_one


def _converted(convert: Callable[[Any], Any], value: Any, path: str) -> Any:
    try:
        return convert(value)
    except (ValueError, TypeError, OverflowError) as cause:
        raise _wrong(path, convert.__doc__ or "", value) from cause


def _converter(field: FieldDescriptor) -> Callable[[Any], Any]:
    if field.name in _IDS:
        return _id
    if field.type in _RANGES:
        return _integer(*_RANGES[field.type])
    return _CONVERTERS[field.type]


def _id(value: Any) -> bytes:
    """A string of hex digits"""
    try:
        return bytes.fromhex(_string(value))
    except ValueError:
        return NOT_HEX


def _string(value: Any) -> str:
    """A string"""
    if not isinstance(value, str):
        raise TypeError
    return value


def _bytes(value: Any) -> bytes:
    """A string of base64"""
    # Both alphabets, padded or not: https://protobuf.dev/programming-guides/json/
    plain = _string(value).translate(_PLAIN_ALPHABET).rstrip("=")
    return b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _bool(value: Any) -> bool:
    """True or false"""
    if not isinstance(value, bool):
        raise TypeError
    return value


def _double(value: Any) -> float:
    """A number"""
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _integer(low: int, high: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise TypeError
        number = int(value)
        if not low <= number <= high:
            raise OverflowError
        return number

    convert.__doc__ = f"an integer from {low} to {high}, as a number or a string"
    return convert


def _wrong(path: str, wanted: str, value: Any) -> InvalidInput:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:60] + "…"
    return InvalidInput(f"{path or 'the body'} must be {wanted}, not {shown}", field=path)


_INT32, _UINT32 = (-(2**31), 2**31 - 1), (0, 2**32 - 1)
_INT64, _UINT64 = (-(2**63), 2**63 - 1), (0, 2**64 - 1)
_RANGES = {
    FieldDescriptor.TYPE_ENUM: _INT32,
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
}
_CONVERTERS: dict[int, Callable[[Any], Any]] = {
    FieldDescriptor.TYPE_STRING: _string,
    FieldDescriptor.TYPE_BYTES: _bytes,
    FieldDescriptor.TYPE_BOOL: _bool,
    FieldDescriptor.TYPE_DOUBLE: _double,
}
