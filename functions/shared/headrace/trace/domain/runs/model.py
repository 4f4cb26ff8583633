"""A run: what one request to a system of agents did, put together from the spans of its trace."""

from dataclasses import dataclass, field
from typing import Literal

from headrace.trace.domain.spans import ErrorType, MessageType

RunStatus = Literal["running", "completed", "failed", "timed_out"]
FailureMode = Literal["loop", "handoff_failure", "contention", "message_format", "timeout"]


@dataclass(slots=True)
class AgentPart:
    """What one agent did in a run."""

    name: str
    role: str = ""
    llm_calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    errors: int = 0
    cost_usd: float = 0.0
    duration_ms: float = 0.0


@dataclass(slots=True)
class ToolCall:
    """One real execution of a tool."""

    name: str
    agent: str
    ok: bool
    duration_ms: float


@dataclass(slots=True)
class RunMessage:
    """Who said something to whom, at RFC 3339 UTC."""

    sender: str
    recipient: str
    type: MessageType
    at: str


EdgeType = Literal["handoff", "request", "response", "broadcast", "sequence"]


@dataclass(slots=True)
class Edge:
    """How often one agent passed to another; `sequence`: nobody said so, but the other was next."""

    source: str
    target: str
    type: EdgeType
    count: int


@dataclass(slots=True)
class Graph:
    """Who handed to whom."""

    nodes: list[AgentPart]
    edges: list[Edge]


@dataclass(slots=True)
class Failure:
    """A pattern of failure: how sure (0 to 1), and the spans that show it."""

    mode: FailureMode
    confidence: float
    span_ids: list[str]
    evidence: str


@dataclass(slots=True)
class Run:
    """One run. Costs are None when no price was known for any of its calls."""

    trace_id: str
    framework: str
    service_name: str
    status: RunStatus
    error_type: ErrorType
    error_message: str
    recovered: bool
    started_unix_nano: int
    duration_ms: float
    agents: list[AgentPart]
    llm_calls: int
    tool_calls: list[ToolCall]
    messages: list[RunMessage]
    user_id: str
    session_id: str
    models: list[str]
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    failures: list[Failure]
    oddities: list[str]
    span_count: int
    entry_agent: str = ""
    user_ids: list[str] = field(default_factory=list)
    """All users, where there are several."""
    session_ids: list[str] = field(default_factory=list)
    llm_failed_calls: int = 0
    error_detail: ErrorType = "none"
    """What went wrong, as exactly as the span says it: `rate_limit` where `error_type` says `llm_error`."""
    is_definition: bool = False
    """Nothing ran: the trace only defines agents, as some instrumentations write when a program starts."""
    edges: list[Edge] = field(default_factory=list)
