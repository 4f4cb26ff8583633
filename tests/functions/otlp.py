"""OTLP requests for tests of the doors, as JSON and as protobuf."""

from typing import Any

import orjson
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def logs(*bodies: str, **fields: Any) -> dict[str, Any]:
    """A request with one record for each body."""
    records = [{"timeUnixNano": "1705314600000000000", "body": {"stringValue": body}, **fields} for body in bodies]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}


def as_json(request: dict[str, Any]) -> bytes:
    return orjson.dumps(request)


def as_protobuf(request: dict[str, Any]) -> bytes:
    """Ids excepted: JSON has them as hex, where protobuf's own JSON has base64."""
    return bytes(ParseDict(request, ExportLogsServiceRequest()).SerializeToString())


SPAN = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "name": "call",
    "startTimeUnixNano": "1705314600000000000",
    "endTimeUnixNano": "1705314601000000000",
}
TRACES = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}
POINT = {"timeUnixNano": "1705314600000000000", "asInt": "7"}
METRICS = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "queue", "gauge": {"dataPoints": [POINT]}}]}]}]}
