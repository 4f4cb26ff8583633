"""A span as agents' people see it: which agent did what, with which model, at what cost, and what went wrong."""

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["agent", "llm_call", "tool_call", "message", "handoff", "retrieval", "checkpoint", "chain", "other"]
Status = Literal["ok", "error", "unset"]
ErrorType = Literal[
    "none", "tool_error", "llm_error", "timeout", "rate_limit", "empty_response", "blocked", "cancelled"
]
MessageType = Literal["handoff", "request", "response", "broadcast"]
AgentBy = Literal["", "name", "node", "kind", "definition"]
"""How the agent of a span is known: it is named; it is the node of a graph, which is an agent if it calls models; the
span is an agent's by its kind and only its own name tells which; the span does not run the agent, only defines it."""


@dataclass(slots=True)
class SpanError:
    """What went wrong in one span."""

    type: ErrorType
    message: str


@dataclass(slots=True)
class SpanMessage:
    """What one agent said to another, as far as the span tells; an unknown side is empty."""

    sender: str
    recipient: str
    type: MessageType
    is_edge: bool = False
    """An edge of a graph was passed: by choice of the model, or because the program is built so."""


@dataclass(slots=True)
class Span:
    """One OTLP span, normalized. Times are nanoseconds since 1970; what is not known is empty or None."""

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: Kind
    rule: str
    """Which mapping rule decided, for people who wonder why."""
    framework: str
    service_name: str
    started_unix_nano: int
    duration_nano: int | None
    """None: it had not ended when it was sent."""
    status: Status
    agent: str = ""
    """By the span's own attributes only; a run finds the agent of its other spans through their ancestors."""
    role: str = ""
    tool: str = ""
    model: str = ""
    provider: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    input: str = ""
    output: str = ""
    error: SpanError | None = None
    message: SpanMessage | None = None
    user_id: str = ""
    session_id: str = ""
    agent_by: AgentBy = ""
    call_id: str = ""
    """Of a tool call, or of a model's answer: two spans with the same one describe the same call."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Tools that the model asked for: name, call id, and the coworker when the tool hands work to one."""
    answered: list[tuple[str, str, bool]] = field(default_factory=list)
    """What tools answered, as the model was told since its last answer: call id, name, whether it went well."""
    answer_is_known: bool = False
    """What the model answered could be read, so that a tool it does not ask for there was not asked for."""
    is_empty: bool = False
    """The model, or the agent, answered with nothing at all."""
    status_is_blind: bool = False
    """The instrumentation ends such a span well whatever happened below it."""
    parent_is_remote: bool = False
    """The parent ran in another process, by OTLP's span flags."""
    attributes: dict[str, Any] = field(default_factory=dict)
    oddities: list[str] = field(default_factory=list)
    """What could not be taken as it was sent, in words."""
