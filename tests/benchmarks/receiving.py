"""Decode, flatten and pack, one core: Headrace beside the library way, over the same request."""

import json

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from headrace.wire.envelope import encode_records
from headrace.wire.otlp import decode_request
from tests.benchmarks.reference import RECORDS, request
from tests.benchmarks.timing import best_seconds


def measure() -> dict[str, float]:
    """Records per second, and the ratio."""
    body = request()

    def ours() -> object:
        return encode_records(decode_request("logs", "protobuf", body, 0).records, record_limit_bytes=700 * 1024)

    def library() -> object:
        return json.dumps(MessageToDict(ExportLogsServiceRequest.FromString(body)))

    fast, slow = best_seconds(ours), best_seconds(library)
    decode = best_seconds(lambda: ExportLogsServiceRequest.FromString(body))
    return {
        "receive: bytes of protobuf a record": len(body) / RECORDS,
        "receive: decode + flatten + pack, records/s": RECORDS / fast,
        "receive: MessageToDict + json.dumps, records/s": RECORDS / slow,
        "receive: times the library way (at least 5)": slow / fast,
        "receive: protobuf decode alone, records/s": RECORDS / decode,
    }
