import orjson
import pytest
from google.protobuf.json_format import Parse
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from headrace.errors import UnsupportedMedia
from headrace.intake.wire.otlp import decode_content_type, encode_response, encode_status
from headrace.ports.records import SIGNALS

RESPONSES = {
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}


def decode(kind, encoding, body):
    return kind.FromString(body) if encoding == "protobuf" else Parse(body, kind())


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@pytest.mark.parametrize("signal", SIGNALS)
def test_full_success_leaves_partial_success_unset(signal, encoding):
    body = encode_response(signal, encoding, 0, "")
    assert not decode(RESPONSES[signal][0], encoding, body).HasField("partial_success")
    assert body == {"protobuf": b"", "json": b"{}"}[encoding]


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@pytest.mark.parametrize("signal", SIGNALS)
def test_partial_success_tells_count_and_reason(signal, encoding):
    kind, rejected = RESPONSES[signal]
    partial = decode(kind, encoding, encode_response(signal, encoding, 3, "3 refused: trace id")).partial_success
    assert (getattr(partial, rejected), partial.error_message) == (3, "3 refused: trace id")


def test_a_64_bit_count_is_text_in_json_as_protobuf_says():
    answer = orjson.loads(encode_response("logs", "json", 3, "why"))
    assert answer == {"partialSuccess": {"rejectedLogRecords": "3", "errorMessage": "why"}}


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_an_error_is_a_google_rpc_status(encoding):
    status = decode(Status, encoding, encode_status(encoding, 14, "bus down ✓"))
    assert (status.code, status.message) == (14, "bus down ✓")


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@pytest.mark.parametrize("field", ["resourceLogs[0]", ""])
def test_the_details_of_bad_data_are_a_bad_request_that_names_the_field(encoding, field):
    status = decode(Status, encoding, encode_status(encoding, 3, "must be an object", field))
    details = BadRequest()
    assert status.details[0].Unpack(details)
    (violation,) = details.field_violations
    assert (violation.field, violation.description) == (field, "must be an object")


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("application/x-protobuf", "protobuf"),
        ("application/json", "json"),
        ("application/json; charset=utf-8", "json"),
        (" Application/JSON ;x", "json"),
        ("APPLICATION/X-PROTOBUF", "protobuf"),
    ],
)
def test_the_content_type_decides_the_encoding(header, encoding):
    assert decode_content_type(header) == encoding


@pytest.mark.parametrize("header", [None, "", "text/plain", "application/x-protobuf2", "json", "application/grpc"])
def test_other_content_types_are_not_taken(header):
    with pytest.raises(UnsupportedMedia, match="application/x-protobuf or application/json"):
        decode_content_type(header)
