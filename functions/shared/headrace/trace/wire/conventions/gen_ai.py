"""OpenTelemetry GenAI spans, new names and old: plain ones, and those of libraries that write nothing else.

Source: https://github.com/open-telemetry/semantic-conventions-genai
"""

from headrace.trace.domain.spans import Span
from headrace.trace.wire.conventions.convention import OPERATIONS, Attributes, ByKey, ByName, Convention, Scope

_MARKS = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.system", "gen_ai.request.model")
_KINDS = (
    OPERATIONS,
    ByKey("gen_ai.tool.name", "tool_call"),
    ByKey("gen_ai.request.model", "llm_call"),
    ByKey("gen_ai.response.model", "llm_call"),
)


def _of(name: str, framework: str, *scopes: str) -> Convention:
    return Convention(f"gen_ai.{name}", framework, tuple(map(Scope, scopes)), kinds=_KINDS)


_ADK = "gcp.vertex.agent."
_AGENT_RUN = "agent_run ["


def _refine_adk(span: Span, _: Attributes) -> None:
    """In old versions only the name of an agent's span tells which it is: `agent_run [NAME]`."""
    if span.name.startswith(_AGENT_RUN):
        span.agent, span.agent_by = span.name[len(_AGENT_RUN) :].removesuffix("]"), "name"


CONVENTIONS = (
    _of("strands", "strands", "strands.telemetry", "strands-agents"),
    Convention(
        "gen_ai.google_adk",
        "google-adk",
        (Scope("gcp.vertex.agent"), Scope("google.adk")),
        kinds=(*_KINDS, ByName("agent", prefixes=(_AGENT_RUN,))),
        fields={
            "input": (f"{_ADK}tool_call_args", f"{_ADK}llm_request"),
            "output": (f"{_ADK}tool_response", f"{_ADK}llm_response"),
            "session_id": ("session.id", f"{_ADK}session_id"),
        },
        refine=_refine_adk,
    ),
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
