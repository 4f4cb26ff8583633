"""Normalized spans → rows of the span archive. See `ports.span_archive.SpanRow`."""

import orjson

from headrace.ports.span_archive import SpanRow
from headrace.trace.domain.spans import Span


def encode_span_row(span: Span) -> SpanRow:
    """The row of a span: its fields, with its error in two columns and its duration in milliseconds."""
    error = span.error
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "name": span.name,
        "kind": span.kind,
        "framework": span.framework,
        "service_name": span.service_name,
        "agent": span.agent,
        "role": span.role,
        "tool": span.tool,
        "started_unix_nano": span.started_unix_nano,
        "duration_ms": None if span.duration_nano is None else span.duration_nano / 1e6,
        "status": span.status,
        "error_type": None if error is None else error.type,
        "error_message": None if error is None else error.message,
        "model": span.model,
        "provider": span.provider,
        "input_tokens": span.input_tokens,
        "output_tokens": span.output_tokens,
        "cached_tokens": span.cached_tokens,
        "cost_usd": span.cost_usd,
        "user_id": span.user_id,
        "session_id": span.session_id,
        "input": span.input,
        "output": span.output,
        "attributes": orjson.dumps(span.attributes).decode(),
        "rule": span.rule,
    }
