"""Requests with agent traces as exporters send them: 512 spans each, runs of real recordings under new ids."""

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SPANS = 512
"""The largest batch of an OpenTelemetry SDK, by its default."""

_RECORDINGS = Path(__file__).parents[1] / "corpora" / "agent_traces"
_GROUPS = ("langgraph-openinference", "crewai-openinference", "openai-agents-openinference", "plain-genai")


def requests(count: int, *, seed: int = 1, groups: tuple[str, ...] = _GROUPS) -> Iterator[ExportTraceServiceRequest]:
    """`count` requests of at least 512 spans; the runs of each succeeded."""
    randomness = random.Random(seed)
    recorded = [
        ExportTraceServiceRequest.FromString(gzip.decompress((_RECORDINGS / each / "success.pb.gz").read_bytes()))
        for each in groups
    ]
    for number in range(count):
        request, spans = ExportTraceServiceRequest(), 0
        while spans < SPANS:
            one = ExportTraceServiceRequest()
            one.CopyFrom(recorded[number % len(recorded)])
            spans += _rename(one, randomness)
            request.resource_spans.extend(one.resource_spans)
        yield request


def _rename(request: ExportTraceServiceRequest, randomness: random.Random) -> int:
    """Give its traces and spans new ids; the number of its spans."""
    spans = [span for each in request.resource_spans for scope in each.scope_spans for span in scope.spans]
    names: dict[bytes, bytes] = {b"": b""}
    for span in spans:
        span.trace_id = names.setdefault(span.trace_id, randomness.randbytes(16))
        span.span_id = names.setdefault(span.span_id, randomness.randbytes(8))
        span.parent_span_id = names.setdefault(span.parent_span_id, randomness.randbytes(8))
    return len(spans)
