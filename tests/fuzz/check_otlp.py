"""OTLP requests: both decoders of logs say the same, and whatever is taken can be stored, or the sender is told why."""

import gzip
from collections.abc import Callable

import orjson
from google.protobuf.message import DecodeError
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from headrace.entry.http import STATUSES, Limits, Request
from headrace.errors import InvalidInput, TooLarge
from headrace.intake.wire.envelope import MESSAGE_LIMIT_BYTES
from headrace.intake.wire.otlp import decode_content_type, encode_response
from headrace.ports.records import SIGNALS, Signal
from tests.fuzz.damage import damaged
from tests.otlp_records import Flattened, decode_request
from tests.unit.intake.wire.last_release import flatten_logs
from tests.unit.intake.wire.otlp_requests import RECEIVED, as_otlp_json
from tests.unit.intake.wire.otlp_signals import requests

_LIMITS = Limits(body_bytes=64 * 1024, unpacked_bytes=256 * 1024)
_RECORD_BYTES = 16 * 1024
_TYPES = ("application/json", "application/x-protobuf", "text/plain", "")
_CODINGS = ("", "gzip", "identity", "br")


def encoded(signal: Signal) -> st.SearchStrategy[bytes]:
    """Requests of `signal` in protobuf, some damaged."""
    return damaged(requests[signal].map(lambda request: request.SerializeToString())) | st.binary(max_size=64)


encoded_json = st.one_of(
    damaged(requests[signal].map(lambda request, which=which: bytes((which,)) + orjson.dumps(as_otlp_json(request))))
    for which, signal in enumerate(SIGNALS)
)
"""The first byte chooses the signal."""

http_requests = st.builds(
    lambda which, packed, body: bytes((which,)) + (gzip.compress(body, mtime=0) if packed else body),
    st.integers(0, 255),
    st.booleans(),
    encoded("logs") | encoded("traces"),
)
"""The first byte chooses the signal, the content type and the content encoding."""


def check_logs(body: bytes) -> None:
    """The quick way is protobuf's way, also when it remembers."""
    wanted = _answer(lambda: flatten_logs(ExportLogsServiceRequest.FromString(body), RECEIVED))
    assert _answer(lambda: decode_request("logs", "protobuf", body, RECEIVED)) == wanted
    assert _answer(lambda: decode_request("logs", "protobuf", body, RECEIVED)) == wanted
    _check(lambda: decode_request("logs", "protobuf", body, RECEIVED), "logs")


def check_traces(body: bytes) -> None:
    """Spans are stored or refused."""
    _check(lambda: decode_request("traces", "protobuf", body, RECEIVED), "traces")


def check_metrics(body: bytes) -> None:
    """Points are stored or refused."""
    _check(lambda: decode_request("metrics", "protobuf", body, RECEIVED), "metrics")


def check_json(body: bytes) -> None:
    """OTLP/JSON of a signal is stored or refused."""
    signal = SIGNALS[body[0] % 3] if body else "logs"
    _check(lambda: decode_request(signal, "json", body[1:], RECEIVED), signal)


def check_request(body: bytes) -> None:
    """From the headers on: nothing but what is answered with 4xx comes out."""
    choice = body[0] if body else 0
    signal, kind, coding = SIGNALS[choice % 3], _TYPES[choice // 3 % 4], _CODINGS[choice // 12 % 4]
    headers = {"content-type": kind, "content-encoding": coding}
    request = Request("POST", f"/v1/{signal}", headers, {}, {}, body[1:], _LIMITS)
    try:
        encoding = decode_content_type(request.headers["content-type"])
        _check(lambda: decode_request(signal, encoding, request.body, RECEIVED), signal)
    except tuple(kind for kind, status in STATUSES if status < 500):
        return


def _answer(decode: Callable[[], Flattened]) -> object:
    try:
        flattened = decode()
    except (DecodeError, InvalidInput, TooLarge):
        return "refused"
    return orjson.dumps(flattened.records), list(flattened.refused.items())


def _check(decode: Callable[[], Flattened], signal: Signal) -> None:
    """What is taken is stored whole, and comes out of the bus as it went in."""
    try:
        flattened = decode()
    except (InvalidInput, TooLarge):
        return
    assert len(flattened.records) == flattened.admitted.records
    assert all(each.records == 1 or len(each.body) <= MESSAGE_LIMIT_BYTES for each in flattened.admitted.packed)
    encode_response(signal, "protobuf", flattened.refused.total(), flattened.reason())
