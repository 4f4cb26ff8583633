"""Protobuf spans into flat records, in the spirit of the flat log record.

Source: https://github.com/open-telemetry/opentelemetry-proto (trace v1)
"""

from typing import Any

import orjson

from headrace.intake.wire.otlp_flatten import (
    BadId,
    Flattened,
    attributes,
    resource_fragment,
    scope_fragment,
    span_hex,
    trace_hex,
)
from headrace.ports.records import Record
from headrace.times import timestamp

_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES = ("UNSET", "OK", "ERROR")


def flatten_spans(request: Any, received_unix_nano: int) -> Flattened:
    """Flat spans (`"signal": "span"`) of an ExportTraceServiceRequest."""
    out = Flattened()
    for resource_spans in request.resource_spans:
        resource = resource_fragment(resource_spans.resource)
        for scope_spans in resource_spans.scope_spans:
            scope = scope_fragment(scope_spans.scope)
            out.reserve(1 + len(scope_spans.spans), resource, scope)
            for span in scope_spans.spans:
                out.reserve(len(span.events) + len(span.links))
                try:
                    out.records.append(_flat_span(span, resource, scope, received_unix_nano))
                except BadId as bad:
                    out.refused[str(bad)] += 1
    return out


def _flat_span(span: Any, resource: orjson.Fragment, scope: orjson.Fragment, received: int) -> Record:
    trace_id, span_id = trace_hex(span.trace_id), span_hex(span.span_id)
    if not trace_id or not span_id:
        raise BadId("a span without a trace id or span id")
    start = span.start_time_unix_nano or received
    record: Record = {
        "signal": "span",
        "resourceAttributes": resource,
        "scope": scope,
        "name": span.name,
        "kind": _name(_KINDS, span.kind),
        "attributes": attributes(span.attributes),
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": span_hex(span.parent_span_id),
        "timestamp": timestamp(start),
        "status": _flat_status(span.status),
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


def _flat_status(status: Any) -> dict[str, str]:
    flat = {"code": _name(_STATUSES, status.code)}
    if status.message:
        flat["message"] = status.message
    return flat


def _flat_event(event: Any) -> Record:
    return {
        "name": event.name,
        "timestamp": timestamp(event.time_unix_nano),
        "attributes": attributes(event.attributes),
    }


def _flat_link(link: Any) -> Record:
    return {
        "traceId": trace_hex(link.trace_id),
        "spanId": span_hex(link.span_id),
        "attributes": attributes(link.attributes),
    }


def _name(names: tuple[str, ...], number: int) -> str:
    """The name of an enum value; one that a later version of OTLP adds shows as its number."""
    return names[number] if 0 <= number < len(names) else str(number)
