"""What a mapper is made of: data that says how spans of one kind of instrumentation are recognized and read.

A mapper holds no code of its own beyond an optional `refine`, for facts that no single attribute holds. Where a
mapper is silent, `FIELDS` decides, which lists for every field the attributes that may hold it, the most telling
first. That order is the documented order of precedence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from headrace.trace.domain.spans import AgentBy, Kind, Span

Attributes = Mapping[str, Any]
Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """An instrumentation scope: the beginning of its name, and the version from which on it writes like this.

    A scope that tells no version is taken for the newest.
    """

    prefix: str
    since: Version = ()


@dataclass(frozen=True, slots=True)
class ByValue:
    """The kind by the value of an attribute."""

    key: str
    kinds: Mapping[str, Kind]


@dataclass(frozen=True, slots=True)
class ByKey:
    """The kind by the presence of an attribute."""

    key: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class ByName:
    """The kind by how the span's name begins or ends; `needs` names an attribute that has to be there, too."""

    kind: Kind
    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    needs: str = ""


KindRule = ByValue | ByKey | ByName


@dataclass(frozen=True, slots=True)
class Convention:
    """A mapper. `fields` wins over `FIELDS`, key by key; `agent_by` says what an agent's name means here."""

    name: str
    framework: str = ""
    """Empty: the attributes may tell."""
    scopes: tuple[Scope, ...] = ()
    resource_frameworks: tuple[str, ...] = ()
    """Values of the resource attribute `agent.framework`, in lower case."""
    marks: tuple[str, ...] = ()
    """Attributes of which a span of such an instrumentation has at least one."""
    kinds: tuple[KindRule, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    agent_by: AgentBy = "name"
    refine: Callable[[Span, Attributes], None] | None = None

    def keys(self, name: str) -> tuple[str, ...]:
        """The attributes that may hold the field `name`, the most telling first."""
        return tuple(dict.fromkeys((*self.fields.get(name, ()), *FIELDS[name])))


_ASSOCIATION = "traceloop.association.properties."

FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "agent": ("gen_ai.agent.name", "agent.name", "agent.id", "gen_ai.agent.id"),
        "role": ("agent.role", "crewai.agent.role"),
        "tool": ("gen_ai.tool.name", "tool.name", "tool_call.function.name", "traceloop.tool.name"),
        "model": (
            "gen_ai.response.model",
            "gen_ai.request.model",
            "llm.model_name",
            "llm.model",
            "agent.model",
            "embedding.model_name",
            "llm.request.model",
        ),
        "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"),
        "input_tokens": (
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.token_count.prompt",
            "llm.usage.prompt_tokens",
        ),
        "output_tokens": (
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
            "llm.usage.completion_tokens",
        ),
        "cached_tokens": (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cached_tokens",
            "llm.token_count.prompt_details.cache_read",
        ),
        "cost_usd": ("gen_ai.usage.cost", "llm.cost.total", "gen_ai.cost.total_cost"),
        "input": (
            "input.value",
            "gen_ai.input.messages",
            "gen_ai.tool.call.arguments",
            "traceloop.entity.input",
            "gen_ai.task.input",
            "gen_ai.prompt",
            "llm.prompts",
            "langgraph.input",
            "agenttrace.input",
            "tool.parameters",
            "input",
        ),
        "output": (
            "output.value",
            "gen_ai.output.messages",
            "gen_ai.tool.call.result",
            "traceloop.entity.output",
            "gen_ai.task.output",
            "gen_ai.completion",
            "llm.completions",
            "langgraph.output",
            "agenttrace.output",
            "output",
        ),
        "user_id": ("user.id", "enduser.id", f"{_ASSOCIATION}user_id", "langfuse.user.id", "gen_ai.user.id", "user_id"),
        "session_id": (
            "session.id",
            "gen_ai.conversation.id",
            f"{_ASSOCIATION}session_id",
            f"{_ASSOCIATION}thread_id",
            "langfuse.session.id",
            "langgraph.thread_id",
            "session_id",
        ),
        "call_id": ("gen_ai.tool.call.id", "tool_call.id", "gen_ai.response.id"),
    }
)
"""Where a field may be.

Sources: OpenTelemetry GenAI semantic conventions 1.28 to 1.38 (https://github.com/open-telemetry/semantic-conventions-genai),
OpenInference (https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md),
OpenLLMetry (https://github.com/traceloop/openllmetry, semconv_ai).
"""

OPERATIONS = ByValue(
    "gen_ai.operation.name",
    MappingProxyType(
        {
            "chat": "llm_call",
            "text_completion": "llm_call",
            "completion": "llm_call",
            "generate_content": "llm_call",
            "embeddings": "other",
            "create_agent": "other",
            "invoke_agent": "agent",
            "execute_tool": "tool_call",
            "retrieval": "retrieval",
            "invoke_workflow": "chain",
            "execute_task": "chain",
            "plan": "chain",
            "handoff": "handoff",
            "goto": "handoff",
        }
    ),
)
SPAN_KINDS = ByValue(
    "openinference.span.kind",
    MappingProxyType(
        {
            "LLM": "llm_call",
            "TOOL": "tool_call",
            "AGENT": "agent",
            "CHAIN": "chain",
            "RETRIEVER": "retrieval",
            "RERANKER": "retrieval",
            "EMBEDDING": "other",
            "GUARDRAIL": "chain",
            "EVALUATOR": "chain",
            "PROMPT": "chain",
        }
    ),
)
TRACELOOP_KINDS = ByValue(
    "traceloop.span.kind",
    MappingProxyType(
        {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool_call", "handoff": "handoff"}
    ),
)
