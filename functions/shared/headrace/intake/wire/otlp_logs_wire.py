"""Protobuf log requests into flat records, the quick way to what `otlp_flatten` makes of them.

Python pays for every object that protobuf makes, and the two for each attribute are most of the bill. So the
request is read through a view of its messages in which resources, scopes and attributes stay bytes. These repeat,
from record to record and from request to request: each is decoded once and remembered. A short attribute with
a text or a number is decoded here, by hand; everything else by protobuf. The other fields of a record take the
same way as in `otlp_flatten`.

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
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from headrace.intake.wire.otlp_flatten import Flattened, number, resource_fragment, scope_fragment, value, walk_logs

_LEFT_AS_BYTES = {("ResourceLogs", "resource"), ("ScopeLogs", "scope"), ("LogRecord", "attributes")}

_REMEMBERED_ATTRIBUTES = 4096
_SHORT_BYTES = 127
"""Of an attribute: up to here all its lengths take one byte. Longer ones hardly repeat and are not remembered."""

_REMEMBERED_FRAGMENTS = 256
_FRAGMENT_BYTES = 4 * 1024
"""Of a resource or scope; larger ones are not remembered."""

# Tags (field number << 3 | wire type): the fields of a KeyValue, and the kinds of an AnyValue that are decoded here.
_KEY, _VALUE = 0x0A, 0x12
_STRING, _INT, _DOUBLE = 0x0A, 0x18, 0x21
_DOUBLE_BYTES = 9
"""Its tag counted too."""
_MORE = 0x80
"""The bit of a varint's byte that says that another byte follows."""

_double = Struct("<d").unpack_from


def flatten_logs_wire(body: bytes, received_unix_nano: int) -> Flattened:
    """What `flatten_logs` makes of the request in `body`. Raises DecodeError."""
    # Decoding all of it first costs a twentieth of the time. After it every part is known to be valid where it
    # stands, which cannot be told of a part alone: how deep it may be nested depends on what is around it.
    ExportLogsServiceRequest.FromString(body)
    return walk_logs(_View.FromString(body), received_unix_nano, _attributes, _resource, _scope)


def _view() -> Any:
    """The request as a class in which `_LEFT_AS_BYTES` are `repeated bytes`, which look the same on the wire.

    All of them repeated, since a resource or scope may come in several pieces.
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
        key, plain = _known_attribute(pair) or _learn_attribute(pair)
        flat[key] = plain
    return flat


_attributes_by_bytes: dict[bytes, tuple[str, Any]] = {}
_known_attribute = _attributes_by_bytes.get


def _learn_attribute(pair: bytes) -> tuple[str, Any]:
    """Decode an attribute, and remember it if it is short.

    When there are too many they are all forgotten. For attributes that never repeat that is cheaper than
    `lru_cache`, which drops one for each new one, and those that do repeat are soon back.
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


def _resource(pieces: Any) -> orjson.Fragment:
    raw = b"".join(pieces)  # to protobuf, one after the other is the same as merged
    return _resource_fragment(raw) if len(raw) <= _FRAGMENT_BYTES else _resource_fragment.__wrapped__(raw)


def _scope(pieces: Any) -> orjson.Fragment:
    raw = b"".join(pieces)
    return _scope_fragment(raw) if len(raw) <= _FRAGMENT_BYTES else _scope_fragment.__wrapped__(raw)


@lru_cache(_REMEMBERED_FRAGMENTS)
def _resource_fragment(raw: bytes) -> orjson.Fragment:
    return resource_fragment(Resource.FromString(raw))


@lru_cache(_REMEMBERED_FRAGMENTS)
def _scope_fragment(raw: bytes) -> orjson.Fragment:
    return scope_fragment(InstrumentationScope.FromString(raw))
