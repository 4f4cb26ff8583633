"""OpenLLMetry (Traceloop) spans of any library; those of the agent frameworks have mappers of their own.

Source: https://github.com/traceloop/openllmetry
"""

from types import MappingProxyType

from headrace.trace.wire.conventions.convention import OPERATIONS, TRACELOOP_KINDS, ByKey, ByName, Convention, Scope

KINDS = (
    OPERATIONS,
    TRACELOOP_KINDS,
    ByKey("gen_ai.tool.name", "tool_call"),
    ByKey("llm.request.type", "llm_call"),
    ByName("llm_call", suffixes=(".chat", ".completion"), needs="gen_ai.request.model"),
)

_FRAMEWORKS = MappingProxyType({"agno": "agno", "haystack": "haystack", "llamaindex": "llamaindex"})
"""By the last part of the scope's name."""

CONVENTIONS = (
    *(
        Convention(
            f"openllmetry.{library}",
            framework,
            scopes=(Scope(f"opentelemetry.instrumentation.{library}"),),
            kinds=KINDS,
        )
        for library, framework in _FRAMEWORKS.items()
    ),
    Convention(
        "openllmetry",
        scopes=(
            Scope("opentelemetry.instrumentation.openai.v"),
            Scope("opentelemetry.instrumentation.anthropic"),
            Scope("opentelemetry.instrumentation.bedrock"),
            Scope("opentelemetry.instrumentation.cohere"),
            Scope("opentelemetry.instrumentation.google_generativeai"),
            Scope("opentelemetry.instrumentation.groq"),
            Scope("opentelemetry.instrumentation.mistralai"),
            Scope("opentelemetry.instrumentation.ollama"),
            Scope("opentelemetry.instrumentation.together"),
            Scope("opentelemetry.instrumentation.vertexai"),
            Scope("opentelemetry.instrumentation.watsonx"),
            Scope("traceloop.tracer"),
        ),
        marks=("traceloop.span.kind", "traceloop.workflow.name", "traceloop.entity.name", "llm.request.type"),
        kinds=KINDS,
    ),
)
