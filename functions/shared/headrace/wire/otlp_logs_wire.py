"""Protobuf log requests into flat records, the quick way: a shortcut to what `otlp_flatten` makes of them.

Python pays for each object that protobuf makes, and two for each attribute are most of the bill. So requests
are decoded through a view of the same messages in which attributes, resources and scopes stay bytes. These
repeat, from record to record and from request to request: their bytes are decoded once and remembered. The
common attributes, text and numbers, are read here, byte by byte; all others by protobuf, in the place where
they stood. The rest of a record takes the same way as in `otlp_flatten`.

**What protobuf makes of the real messages is the law.** On anything that this module does not expect, damage
included, it leaves the request to the long way, so both answer the same in every case.

The caches are bounded in entries and in the bytes of an entry. Nobody may change what comes out of them: flat
records are there to be dumped. Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Any

import orjson
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2

from headrace.wire.otlp_flatten import Flattened, attributes, flatten_logs, number, resource_fragment, scope_fragment

_RAW_FIELDS = (("ResourceLogs", "resource"), ("ScopeLogs", "scope"), ("LogRecord", "attributes"))

_CACHED_ATTRIBUTES = 4096
_CACHED_ATTRIBUTE_BYTES = 127
"""Also the longest message whose lengths all take one byte; longer values hardly ever repeat."""

_CACHED_FRAGMENTS = 256
_CACHED_FRAGMENT_BYTES = 8 * 1024

# Tags, field number << 3 | wire type: the two fields of a KeyValue, and what an AnyValue may hold.
_KEY, _VALUE = 0x0A, 0x12
_STRING, _INT, _DOUBLE = 0x0A, 0x18, 0x21

_VARINT_BYTES = 9
"""Ten make a negative number, more an error: both are left to protobuf."""

_double = Struct("<d").unpack_from


class _Unexpected(Exception):
    """Not what common encoders write: protobuf shall say what it means."""


def flatten_logs_wire(body: bytes, received_unix_nano: int) -> Flattened | None:
    """What `flatten_logs` makes of the request in `body`; None when the request has to go there to find out."""
    try:
        return flatten_logs(_View.FromString(body), received_unix_nano, _attributes, _resource, _scope)
    except (_Unexpected, DecodeError, UnicodeDecodeError):
        return None


def _view() -> type[Message]:
    """A request class in which `_RAW_FIELDS` are `repeated bytes`: as good as the message on the wire.

    Repeated, so that a message sent in several pieces, which protobuf would merge, does not go unnoticed.
    """
    file = FileDescriptorProto.FromString(logs_pb2.DESCRIPTOR.serialized_pb)
    for message in file.message_type:
        for field in message.field:
            if (message.name, field.name) in _RAW_FIELDS:
                field.type, field.label = field.TYPE_BYTES, field.LABEL_REPEATED
                field.ClearField("type_name")
    file.dependency[:] = [common_pb2.DESCRIPTOR.name]
    pool = DescriptorPool()  # of its own: the names are those of the real messages
    pool.AddSerializedFile(common_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    # LogsData has the one field that ExportLogsServiceRequest has.
    return GetMessageClass(pool.FindMessageTypeByName("opentelemetry.proto.logs.v1.LogsData"))


_View: Any = _view()


def _attributes(pairs: Any) -> dict[str, Any]:
    """As `otlp_flatten.attributes`, of encoded pairs."""
    flat: dict[str, Any] = {}
    for pair in pairs[:]:  # a slice is quicker than stepping through protobuf's own container
        key, value = _short_attribute(pair) if len(pair) <= _CACHED_ATTRIBUTE_BYTES else _long_attribute(pair)
        flat[key] = value
    return flat


@lru_cache(_CACHED_ATTRIBUTES)
def _short_attribute(pair: bytes) -> tuple[str, Any]:
    """Key and value of a KeyValue in which each length takes one byte."""
    try:
        value = pair[1] + 2
        left = len(pair) - value - 2
        if pair[0] == _KEY and pair[value] == _VALUE and pair[value + 1] == left:
            kind = pair[value + 2]
            if kind == _STRING and pair[value + 3] == left - 2:
                return pair[2:value].decode(), pair[value + 4 :].decode()
            if kind == _INT:
                plain, end = _varint(pair, value + 3)
                if end == len(pair):
                    return pair[2:value].decode(), plain
            if kind == _DOUBLE and left == 9:
                return pair[2:value].decode(), number(_double(pair, value + 3)[0])
    except (IndexError, _Unexpected):
        pass
    return _any_attribute(pair)


def _long_attribute(pair: bytes) -> tuple[str, Any]:
    """Key and value of any KeyValue, quick for a short key with a long text."""
    value = pair[1] + 2
    try:
        if pair[0] == _KEY and pair[1] < 128 and pair[value] == _VALUE:
            left, start = _varint(pair, value + 1)
            if start + left == len(pair) and pair[start] == _STRING:
                left, start = _varint(pair, start + 1)
                if start + left == len(pair):
                    return pair[2:value].decode(), pair[start:].decode()
    except (IndexError, _Unexpected):
        pass
    return _any_attribute(pair)


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    """The number at `position`, and the position behind it."""
    plain = 0
    for index in range(_VARINT_BYTES):
        byte = raw[position + index]
        plain |= (byte & 127) << 7 * index
        if byte < 128:
            return plain, position + index + 1
    raise _Unexpected


def _any_attribute(pair: bytes) -> tuple[str, Any]:
    """Key and value by protobuf, as deep down in a request as it was: protobuf bounds the depth from the top."""
    view = _View()
    view.resource_logs.add().scope_logs.add().log_records.add().attributes.append(pair)
    return attributes(_real(view).resource_logs[0].scope_logs[0].log_records[0].attributes).popitem()


def _resource(pieces: Any) -> orjson.Fragment:
    return _remembered(_resource_json, pieces)


def _scope(pieces: Any) -> orjson.Fragment:
    return _remembered(_scope_json, pieces)


def _remembered(make: Any, pieces: Any) -> orjson.Fragment:
    raw, *more = pieces or (b"",)
    if more:
        raise _Unexpected
    return make(raw) if len(raw) <= _CACHED_FRAGMENT_BYTES else make.__wrapped__(raw)


@lru_cache(_CACHED_FRAGMENTS)
def _resource_json(raw: bytes) -> orjson.Fragment:
    view = _View()
    view.resource_logs.add().resource.append(raw)
    return resource_fragment(_real(view).resource_logs[0].resource)


@lru_cache(_CACHED_FRAGMENTS)
def _scope_json(raw: bytes) -> orjson.Fragment:
    view = _View()
    view.resource_logs.add().scope_logs.add().scope.append(raw)
    return scope_fragment(_real(view).resource_logs[0].scope_logs[0].scope)


def _real(view: Any) -> Any:
    return ExportLogsServiceRequest.FromString(view.SerializeToString())
