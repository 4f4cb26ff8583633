"""The reference record and request: 3 resource attributes, 3 attributes, about 180 bytes of protobuf a record."""

import random

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

RECORDS = 512
START_UNIX_NANO = 1_700_000_000_123_456_789

_RESOURCE = {
    "service.name": "payment-service",
    "k8s.pod.name": "payment-abc123",
    "deployment.environment": "production",
}


def request(records: int = RECORDS, *, kept: float = 0.1, seed: int = 1) -> bytes:
    """An OTLP request; `kept` is the share of its records with severity ERROR (17), the others are INFO (9)."""
    randomness = random.Random(seed)
    message = ExportLogsServiceRequest()
    resource_logs = message.resource_logs.add()
    for key, value in _RESOURCE.items():
        resource_logs.resource.attributes.add(key=key).value.string_value = value
    scope_logs = resource_logs.scope_logs.add()
    scope_logs.scope.name = "my-library"
    every = round(1 / kept) if kept else records + 1
    for index in range(records):
        log = scope_logs.log_records.add(
            time_unix_nano=START_UNIX_NANO + index * 1_000_003,
            severity_number=17 if index % every == 0 else 9,
            severity_text="ERROR" if index % every == 0 else "INFO",
            trace_id=randomness.randbytes(16),
            span_id=randomness.randbytes(8),
        )
        log.body.string_value = f"Connection refused, attempt {index}"
        log.attributes.add(key="error.type").value.string_value = "ConnectionError"
        log.attributes.add(key="http.route").value.string_value = "/api/v1/payments"
        log.attributes.add(key="http.response.status_code").value.int_value = 500 + index % 7
    return message.SerializeToString()
