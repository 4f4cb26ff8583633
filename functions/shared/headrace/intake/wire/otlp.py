"""OTLP/HTTP 1.11 as bytes: requests of either encoding into protobuf, and the answers and errors to them.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from dataclasses import dataclass
from typing import Any, Literal

import orjson
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from headrace.errors import UnsupportedMedia
from headrace.intake.wire.otlp_json import parse_json
from headrace.ports.records import Signal

Encoding = Literal["protobuf", "json"]

_ENCODINGS: dict[str, Encoding] = {"application/x-protobuf": "protobuf", "application/json": "json"}
CONTENT_TYPES: dict[Encoding, str] = {encoding: name for name, encoding in _ENCODINGS.items()}


@dataclass(frozen=True, slots=True)
class _Export:
    request: type[Message]
    response: type[Message]
    rejected: str
    """The field of the partial success that counts refused records."""
    rejected_json: str


_EXPORTS: dict[Signal, _Export] = {
    "logs": _Export(
        ExportLogsServiceRequest,
        ExportLogsServiceResponse,
        "rejected_log_records",
        "rejectedLogRecords",
    ),
    "traces": _Export(
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
        "rejected_spans",
        "rejectedSpans",
    ),
    "metrics": _Export(
        ExportMetricsServiceRequest,
        ExportMetricsServiceResponse,
        "rejected_data_points",
        "rejectedDataPoints",
    ),
}


def decode_content_type(header: str | None) -> Encoding:
    """The encoding that a Content-Type header names; parameters do not matter.

    Raises:
        UnsupportedMedia: it is neither `application/x-protobuf` nor `application/json`.
    """
    name = (header or "").partition(";")[0].strip().lower()
    if name not in _ENCODINGS:
        wanted = " or ".join(_ENCODINGS)
        raise UnsupportedMedia(f"Content-Type {name!r} is not taken here; send {wanted}")
    return _ENCODINGS[name]


def decode_request(signal: Signal, encoding: Encoding, body: bytes) -> bytes:
    """The protobuf of an Export request in either encoding; whether it is a valid one is seen by `otlp_admit`.

    Raises:
        InvalidInput: JSON that is no such request; `field` is the path of what is wrong.
    """
    if encoding == "protobuf":
        return body
    return bytes(parse_json(body, _EXPORTS[signal].request).SerializeToString())


def encode_response(signal: Signal, encoding: Encoding, rejected: int, reason: str) -> bytes:
    """The Export response; `partial_success` stays unset when nothing was refused."""
    export = _EXPORTS[signal]
    if encoding == "json":
        partial = {export.rejected_json: str(rejected), "errorMessage": reason}
        return orjson.dumps({"partialSuccess": partial} if rejected else {})
    response: Any = export.response()
    if rejected:
        setattr(response.partial_success, export.rejected, rejected)
        response.partial_success.error_message = reason
    return bytes(response.SerializeToString())


def encode_status(encoding: Encoding, code: int, message: str, bad_field: str | None = None) -> bytes:
    """A `google.rpc.Status`, which OTLP wants as the body of every 4xx and 5xx.

    For bad data its details are a `google.rpc.BadRequest` that names `bad_field`, "" for the body as a whole.
    """
    if encoding == "json":
        violations = [{"field": bad_field, "description": message}]
        details = [{"@type": f"type.googleapis.com/{BadRequest.DESCRIPTOR.full_name}", "fieldViolations": violations}]
        return orjson.dumps({"code": code, "message": message} | ({} if bad_field is None else {"details": details}))
    status = Status(code=code, message=message)
    if bad_field is not None:
        violation = BadRequest.FieldViolation(field=bad_field, description=message)
        status.details.add().Pack(BadRequest(field_violations=[violation]))
    return bytes(status.SerializeToString())
