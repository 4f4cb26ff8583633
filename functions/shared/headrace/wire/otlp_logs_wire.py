"""Protobuf log requests into flat records, the quick way: a shortcut to what `otlp_flatten` makes of them.

Python pays for every object that protobuf makes, and the two for each attribute are most of the bill. So a
request is decoded through a view of its messages in which resources, scopes and attributes stay bytes. These
repeat, from record to record and from request to request: each is decoded once and remembered. Of attributes,
short text and numbers are read here, byte by byte; everything else is left to protobuf, placed as deep in a
request as it was. The other fields of a record go the same way as in `otlp_flatten`.

**What protobuf makes of the real messages is the law.** On anything unexpected, damage included, the whole
request is left to the long way, so that both ways answer the same in every case.

What is remembered is bounded in entries and in the bytes of an entry. Nobody may change it: flat records are
there to be dumped. Source: https://protobuf.dev/programming-guides/encoding/
"""

from functools import lru_cache
from struct import Struct
from typing import Any

import orjson
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1 import logs_pb2

from headrace.wire.otlp_flatten import Flattened, attributes, number, resource_fragment, scope_fragment, walk_logs

_LEFT_AS_BYTES = {("ResourceLogs", "resource"), ("ScopeLogs", "scope"), ("LogRecord", "attributes")}

_REMEMBERED_ATTRIBUTES = 4096
_SHORT_BYTES = 127
"""Of an attribute: up to here all its lengths take one byte. Longer ones hardly repeat and are not remembered."""

_REMEMBERED_FRAGMENTS = 256
_FRAGMENT_BYTES = 4 * 1024
"""Of a resource or scope; larger ones are not remembered."""

# Tags (field number << 3 | wire type): the fields of a KeyValue, and the kinds of an AnyValue that are read here.
_KEY, _VALUE = 0x0A, 0x12
_STRING, _INT, _DOUBLE = 0x0A, 0x18, 0x21
_DOUBLE_BYTES = 9
"""Its tag counted too."""
_MORE = 0x80
"""The bit of a varint's byte that says that another byte follows."""

_double = Struct("<d").unpack_from


class _UnexpectedError(Exception):
    """Not what common encoders write; protobuf shall say what it means."""


def flatten_logs_wire(body: bytes, received_unix_nano: int) -> Flattened | None:
    """What `flatten_logs` makes of the request in `body`; None when only the long way can tell."""
    try:
        return walk_logs(_View.FromString(body), received_unix_nano, _attributes, _resource, _scope)
    except (_UnexpectedError, DecodeError, UnicodeDecodeError):
        return None


def _view() -> Any:
    """The request as a class in which `_LEFT_AS_BYTES` are `repeated bytes`, which look the same on the wire.

    Repeated, so that a resource or scope sent in several pieces, which protobuf merges, does not go unnoticed.
    """
    pool = DescriptorPool()  # not the usual one: the names are those of the real messages
    for dependency in logs_pb2.DESCRIPTOR.dependencies:
        _add(pool, dependency)
    file = FileDescriptorProto.FromString(logs_pb2.DESCRIPTOR.serialized_pb)
    for message in file.message_type:
        for field in message.field:
            if (message.name, field.name) in _LEFT_AS_BYTES:
                field.type, field.label = field.TYPE_BYTES, field.LABEL_REPEATED
                field.ClearField("type_name")
    pool.Add(file)
    # On the wire LogsData is the same as ExportLogsServiceRequest.
    return GetMessageClass(pool.FindMessageTypeByName("opentelemetry.proto.logs.v1.LogsData"))


def _add(pool: DescriptorPool, file: FileDescriptor) -> None:
    for dependency in file.dependencies:
        _add(pool, dependency)
    pool.AddSerializedFile(file.serialized_pb)


_View = _view()


def _attributes(pairs: Any) -> dict[str, Any]:
    """`otlp_flatten.attributes`, of encoded pairs."""
    flat: dict[str, Any] = {}
    for pair in pairs[:]:  # a slice first: stepping through protobuf's own container is slower
        key, value = _known_attribute(pair) or _learn_attribute(pair)
        flat[key] = value
    return flat


_attributes_by_bytes: dict[bytes, tuple[str, Any]] = {}
_known_attribute = _attributes_by_bytes.get


def _learn_attribute(pair: bytes) -> tuple[str, Any]:
    """Decode an attribute, and remember it if it is short.

    When there are too many they are all forgotten. For attributes that never repeat that is cheaper than
    `lru_cache`, which drops one for each new one, and those that do repeat are soon back.
    """
    short = len(pair) <= _SHORT_BYTES
    try:
        attribute = (_short_attribute(pair) if short else _long_text_attribute(pair)) or _any_attribute(pair)
    except IndexError:
        attribute = _any_attribute(pair)
    if short:
        if len(_attributes_by_bytes) >= _REMEMBERED_ATTRIBUTES:
            _attributes_by_bytes.clear()
        _attributes_by_bytes[pair] = attribute
    return attribute


def _short_attribute(pair: bytes) -> tuple[str, Any] | None:
    """By hand, when it is a text, a double or an integer that is not negative. Raises IndexError."""
    value = pair[1] + 2  # where the tag of the value is
    left = len(pair) - value - 2
    if pair[0] == _KEY and pair[value] == _VALUE and pair[value + 1] == left:
        kind = pair[value + 2]
        if kind == _STRING and pair[value + 3] == left - 2:
            return pair[2:value].decode(), pair[value + 4 :].decode()
        if kind == _INT and (plain := _whole_varint(pair[value + 3 :])) is not None:
            return pair[2:value].decode(), plain
        if kind == _DOUBLE and left == _DOUBLE_BYTES:
            return pair[2:value].decode(), number(_double(pair, value + 3)[0])
    return None


def _long_text_attribute(pair: bytes) -> tuple[str, str] | None:
    """By hand, when it is a short key and a text. Raises IndexError."""
    value = pair[1] + 2  # where the tag of the value is
    if pair[0] == _KEY and not pair[1] & _MORE and pair[value] == _VALUE:
        message = _rest(pair, value + 1)
        if message and pair[message] == _STRING and (text := _rest(pair, message + 1)):
            return pair[2:value].decode(), pair[text:].decode()
    return None


def _rest(raw: bytes, position: int) -> int | None:
    """Where a field begins that has its length at `position` and fills `raw`; None for others. Raises IndexError."""
    end = position + 1
    while raw[end - 1] & _MORE:
        end += 1
    return end if _whole_varint(raw[position:end]) == len(raw) - end else None


def _whole_varint(raw: bytes) -> int | None:
    """The number that fills `raw`, least bits first; None for others, and for negative ones, which take ten bytes."""
    if not 0 < len(raw) < 10 or raw[-1] & _MORE:
        return None
    plain = raw[-1]
    for byte in raw[-2::-1]:
        if not byte & _MORE:
            return None
        plain = plain << 7 | byte & 0x7F
    return plain


def _any_attribute(pair: bytes) -> tuple[str, Any]:
    view = _View()
    view.resource_logs.add().scope_logs.add().log_records.add().attributes.append(pair)
    return attributes(_real(view).resource_logs[0].scope_logs[0].log_records[0].attributes).popitem()


def _resource(pieces: Any) -> orjson.Fragment:
    raw = _only(pieces)
    return _resource_fragment(raw) if len(raw) <= _FRAGMENT_BYTES else _resource_fragment.__wrapped__(raw)


def _scope(pieces: Any) -> orjson.Fragment:
    raw = _only(pieces)
    return _scope_fragment(raw) if len(raw) <= _FRAGMENT_BYTES else _scope_fragment.__wrapped__(raw)


def _only(pieces: Any) -> bytes:
    if len(pieces) > 1:
        raise _UnexpectedError
    return pieces[0] if pieces else b""


@lru_cache(_REMEMBERED_FRAGMENTS)
def _resource_fragment(raw: bytes) -> orjson.Fragment:
    view = _View()
    view.resource_logs.add().resource.append(raw)
    return resource_fragment(_real(view).resource_logs[0].resource)


@lru_cache(_REMEMBERED_FRAGMENTS)
def _scope_fragment(raw: bytes) -> orjson.Fragment:
    view = _View()
    view.resource_logs.add().scope_logs.add().scope.append(raw)
    return scope_fragment(_real(view).resource_logs[0].scope_logs[0].scope)


def _real(view: Any) -> Any:
    """The request that `view` stands for, from the top: protobuf bounds how deep values may be nested."""
    return ExportLogsServiceRequest.FromString(view.SerializeToString())
