"""OpenInference spans of any library; those of the agent frameworks have mappers of their own.

Source: https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from types import MappingProxyType

from headrace.trace.wire.conventions.convention import OPERATIONS, SPAN_KINDS, ByKey, ByName, Convention, Scope

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

_FRAMEWORKS = MappingProxyType(
    {"agno": "agno", "haystack": "haystack", "llama_index": "llamaindex", "smolagents": "smolagents"}
)
"""By the last part of the scope's name."""

_KINDS = (ByName("chain", suffixes=("._prepare_chat_with_tools",)), *KINDS)
"""LlamaIndex's preparing of a call is of the kind LLM, too, and calls nothing."""

CONVENTIONS = (
    *(
        Convention(
            f"openinference.{library}",
            framework,
            scopes=(Scope(f"openinference.instrumentation.{library}"),),
            kinds=_KINDS,
            fields=FIELDS,
        )
        for library, framework in _FRAMEWORKS.items()
    ),
    Convention(
        "openinference",
        scopes=(Scope("openinference.instrumentation"),),
        marks=("openinference.span.kind", "llm.model_name", "llm.token_count.prompt"),
        kinds=KINDS,
        fields=FIELDS,
    ),
)
