"""Spans, still on the wire, as flat records, in the spirit of the flat log record.

Source: https://github.com/open-telemetry/opentelemetry-proto (trace v1)
"""

from typing import Any

from headrace.intake.wire.otlp_values import attributes, decoded_attributes, hex_id
from headrace.ports.records import Record
from headrace.times import timestamp

KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES = ("UNSET", "OK", "ERROR")


def flat_span(span: Any, received_unix_nano: int) -> Record:
    """What a span adds to its resource and scope."""
    start = span.start_time_unix_nano or received_unix_nano
    record: Record = {
        "name": span.name,
        "kind": enum_name(KINDS, span.kind),
        "attributes": attributes(span.attributes),
        "traceId": hex_id(span.trace_id),
        "spanId": hex_id(span.span_id),
        "parentSpanId": hex_id(span.parent_span_id),
        "timestamp": timestamp(start),
        "status": flat_status(span.status),
    }
    if span.end_time_unix_nano:
        record["endTimestamp"] = timestamp(span.end_time_unix_nano)
        record["durationNano"] = max(0, span.end_time_unix_nano - start)
    _add_rare(record, span)
    return record


def _add_rare(record: Record, span: Any) -> None:
    """What most spans do not have appears only when present."""
    if span.events:
        record["events"] = [_flat_event(event) for event in span.events]
    if span.links:
        record["links"] = [_flat_link(link) for link in span.links]
    if span.trace_state:
        record["traceState"] = span.trace_state
    if span.flags:
        record["flags"] = span.flags


def flat_status(status: Any) -> dict[str, str]:
    """The status with the name of its code; a message only when there is one."""
    flat = {"code": enum_name(STATUSES, status.code)}
    if status.message:
        flat["message"] = status.message
    return flat


def _flat_event(event: Any) -> Record:
    return {
        "name": event.name,
        "timestamp": timestamp(event.time_unix_nano),
        "attributes": decoded_attributes(event.attributes),
    }


def _flat_link(link: Any) -> Record:
    return {
        "traceId": hex_id(link.trace_id),
        "spanId": hex_id(link.span_id),
        "attributes": decoded_attributes(link.attributes),
    }


def enum_name(names: tuple[str, ...], number: int) -> str:
    """The name of an enum value; one that a later version of OTLP adds shows as its number."""
    return names[number] if 0 <= number < len(names) else str(number)
