"""Log records, still on the wire, as flat records. The hot path of what is kept.

Source: https://github.com/open-telemetry/opentelemetry-proto (logs v1)
"""

from typing import Any

from headrace.intake.wire.otlp_values import attributes, hex_id, value
from headrace.ports.records import Record
from headrace.times import timestamp


def flat_log(log: Any, received_unix_nano: int) -> Record:
    """What a log record adds to its resource and scope."""
    observed = log.observed_time_unix_nano
    record: Record = {
        "severityNumber": log.severity_number,
        "severityText": log.severity_text,
        "body": log.body.string_value or value(log.body),
        "attributes": attributes(log.attributes),
        "traceId": hex_id(log.trace_id),
        "spanId": hex_id(log.span_id),
        "timestamp": timestamp(log.time_unix_nano or observed or received_unix_nano),
    }
    if observed:
        record["observedTimestamp"] = timestamp(observed)
    if log.flags:
        record["flags"] = log.flags
    if log.event_name:
        record["eventName"] = log.event_name
    return record
