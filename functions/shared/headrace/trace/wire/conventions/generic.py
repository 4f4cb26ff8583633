"""Spans of programs that follow no convention: what their attributes, and then their names, suggest."""

from headrace.trace.domain.spans import Span
from headrace.trace.wire.conventions.convention import (
    OPERATIONS,
    SPAN_KINDS,
    TRACELOOP_KINDS,
    Attributes,
    ByKey,
    ByName,
    Convention,
)

_TOOL = "tool."


def _refine(span: Span, _: Attributes) -> None:
    if span.kind == "tool_call" and not span.tool:
        span.tool = span.name.removeprefix(_TOOL)


GENERIC = Convention(
    "generic",
    kinds=(
        OPERATIONS,
        SPAN_KINDS,
        TRACELOOP_KINDS,
        ByKey("tool.name", "tool_call"),
        ByKey("gen_ai.tool.name", "tool_call"),
        ByKey("gen_ai.usage.output_tokens", "llm_call"),
        ByKey("llm.token_count.completion", "llm_call"),
        ByKey("gen_ai.request.model", "llm_call"),
        ByKey("llm.model", "llm_call"),
        ByName("llm_call", prefixes=("llm.", "llm ", "chat ", "completion"), needs="agent.name"),
        ByName("tool_call", prefixes=(_TOOL, "function."), needs="agent.name"),
        ByKey("agent.name", "agent"),
        ByKey("agent.id", "agent"),
        ByName("checkpoint", prefixes=("checkpoint",)),
    ),
    refine=_refine,
)
