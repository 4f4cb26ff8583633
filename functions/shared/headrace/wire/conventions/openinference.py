"""OpenInference spans of any library; those of the agent frameworks have mappers of their own.

Source: https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from types import MappingProxyType

from headrace.wire.conventions.convention import OPERATIONS, SPAN_KINDS, ByKey, Convention, Scope

KINDS = (SPAN_KINDS, OPERATIONS, ByKey("tool.name", "tool_call"), ByKey("llm.model_name", "llm_call"))
FIELDS = MappingProxyType(
    {
        "agent": ("agent.name", "graph.node.id"),
        "tool": ("tool.name",),
        "model": ("llm.model_name",),
        "input_tokens": ("llm.token_count.prompt",),
        "output_tokens": ("llm.token_count.completion",),
    }
)

CONVENTIONS = (
    Convention(
        "openinference",
        scopes=(Scope("openinference.instrumentation"),),
        marks=("openinference.span.kind", "llm.model_name", "llm.token_count.prompt"),
        kinds=KINDS,
        fields=FIELDS,
    ),
)
