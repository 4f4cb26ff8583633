"""OpenTelemetry GenAI spans, new names and old: plain ones, and those of libraries that write nothing else.

Source: https://github.com/open-telemetry/semantic-conventions-genai
"""

from headrace.wire.conventions.convention import OPERATIONS, ByKey, Convention, Scope

_MARKS = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.system", "gen_ai.request.model")
_KINDS = (
    OPERATIONS,
    ByKey("gen_ai.tool.name", "tool_call"),
    ByKey("gen_ai.request.model", "llm_call"),
    ByKey("gen_ai.response.model", "llm_call"),
)


def _of(name: str, framework: str, *scopes: str) -> Convention:
    return Convention(f"gen_ai.{name}", framework, tuple(map(Scope, scopes)), kinds=_KINDS)


CONVENTIONS = (
    _of("strands", "strands", "strands.telemetry", "strands-agents"),
    _of("google_adk", "google-adk", "gcp.vertex.agent", "google.adk"),
    _of("pydantic_ai", "pydantic-ai", "pydantic-ai", "pydantic_ai"),
    _of("semantic_kernel", "semantic-kernel", "semantic_kernel", "Microsoft.SemanticKernel"),
    _of("agent_framework", "agent-framework", "agent_framework", "Microsoft.Agents", "Experimental.Microsoft.Agents"),
    Convention(
        "gen_ai",
        scopes=(Scope("opentelemetry.instrumentation.openai_v2"), Scope("opentelemetry.instrumentation.google_genai")),
        marks=_MARKS,
        kinds=_KINDS,
    ),
)
