"""Bodies of the management API about runs of agents: capability Trace. Contract section 10."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from headrace.api.models import Deferred, Moment, NextCursor, PageIn, Strict, Time
from headrace.trace.domain.runs import EdgeType, FailureMode, RunStatus
from headrace.trace.domain.spans import ErrorType, Kind, MessageType, Status

_NAME_CHARACTERS = 256

TraceId = Annotated[str, Field(examples=["4bf92f3577b34da6a3ce929d0e0e4736"])]
SpanId = Annotated[str, Field(examples=["00f067aa0ba902b7"])]
AgentName = Annotated[str, Field(examples=["triage"])]
Model = Annotated[str, Field(examples=["gpt-4o-mini"])]
Framework = Annotated[str, Field(examples=["langgraph"])]
Dollars = Annotated[float, Field(examples=[0.0031])]
Milliseconds = Annotated[float, Field(examples=[1250.5])]
Role = Annotated[str, Field(examples=["assistant"])]
Person = Annotated[str, Field(examples=["user-anna"])]
Session = Annotated[str, Field(examples=["sess-01"])]
Told = Annotated[str, Field(examples=["RateLimitError: slow down"])]
Said = Annotated[str, Field(examples=["Find me a flight to Oslo"])]
Odd = Annotated[str, Field(examples=["it ended before it started"])]
Tokens = Annotated[int, Field(examples=[606])]
Looked = Annotated[str, Field(min_length=1, max_length=_NAME_CHARACTERS)]


class RunsIn(PageIn):
    """Which runs; what is left out does not matter. All that is given has to hold."""

    since: Moment | None = None
    """Started at this time or later."""
    until: Moment | None = None
    """Started before this time."""
    agent: Looked | None = None
    """An agent that took part."""
    framework: Looked | None = None
    status: RunStatus | None = None
    error_type: ErrorType | None = None
    user_id: Looked | None = None
    session_id: Looked | None = None
    min_cost_usd: Annotated[float, Field(ge=0)] | None = None
    min_duration_ms: Annotated[float, Field(ge=0)] | None = None


class SpanIn(Strict):
    """Where to look for a span."""

    trace_id: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{32}$")] | None = None
    """The trace of the span, if it is known. Otherwise the latest thousand runs are looked through."""


class AgentPartOut(Deferred):
    """What one agent did in a run."""

    name: AgentName
    role: Role
    llm_calls: int
    tool_calls: int
    input_tokens: Tokens
    output_tokens: Tokens
    errors: int
    cost_usd: Dollars
    duration_ms: Milliseconds


class ToolCallOut(Deferred):
    """One execution of a tool."""

    name: Annotated[str, Field(examples=["search_flights"])]
    agent: AgentName
    ok: bool
    duration_ms: Milliseconds


class MessageOut(Deferred):
    """Who said something to whom."""

    model_config = ConfigDict(populate_by_name=True)

    sender: Annotated[str, Field(alias="from", examples=["planner"])]
    recipient: Annotated[str, Field(alias="to", examples=["flight_agent"])]
    type: MessageType
    at: Time


class FailureOut(Deferred):
    """A pattern of failure, how sure (0 to 1), and the spans that show it."""

    mode: FailureMode
    confidence: Annotated[float, Field(examples=[0.9])]
    span_ids: list[SpanId]
    evidence: Annotated[str, Field(examples=["search was called 4 times in a row with the same input"])]


class RunOut(Deferred):
    """What one request to a system of agents did."""

    trace_id: TraceId
    framework: Framework
    service_name: Annotated[str, Field(examples=["travel-desk"])]
    status: RunStatus
    error_type: ErrorType
    """What went wrong, even if the run recovered."""
    error_detail: ErrorType
    """The same as its span says it: behind an `llm_error` may be a `rate_limit`."""
    error_message: Told
    recovered: bool
    """Whether something went wrong and the run still gave its answer."""
    started_at: Time
    duration_ms: Milliseconds
    agents: list[AgentPartOut]
    """Those that took part, in order."""
    llm_calls: int
    """Answered and failed calls of models, each counted once."""
    llm_failed_calls: int
    tool_calls: list[ToolCallOut]
    messages: list[MessageOut]
    user_id: Person
    """Empty when there are several users."""
    user_ids: list[Person]
    session_id: Session
    """Empty when there are several sessions."""
    session_ids: list[Session]
    models: list[Model]
    input_tokens: Tokens
    output_tokens: Tokens
    cost_usd: Dollars | None
    """Null when no price is known for its models."""
    failures: list[FailureOut]
    oddities: list[Odd]
    """What was strange about its spans."""
    span_count: int
    entry_agent: AgentName
    """The agent that was asked first."""


class RunsOut(Deferred):
    """Some runs, newest first."""

    items: list[RunOut]
    next_cursor: NextCursor


class SpanErrorOut(Deferred):
    """What went wrong in a span."""

    type: ErrorType
    message: Told


class SpanOut(Deferred):
    """One span of a run."""

    span_id: SpanId
    parent_span_id: SpanId
    name: Annotated[str, Field(examples=["chat gpt-4o-mini"])]
    kind: Kind
    agent: AgentName
    role: Role
    started_at: Time
    duration_ms: Milliseconds | None
    """Null while it had not ended when it was sent."""
    status: Status
    tool: Annotated[str, Field(examples=[""])]
    model: Model
    provider: Annotated[str, Field(examples=["openai"])]
    input_tokens: Tokens | None
    output_tokens: Tokens | None
    cached_tokens: Tokens | None
    cost_usd: Dollars | None
    input: Said
    output: Said
    error: SpanErrorOut | None
    user_id: Person
    session_id: Session
    attributes: Annotated[dict[str, Any], Field(examples=[{"gen_ai.operation.name": "chat"}])]
    oddities: list[Odd]
    """What of it could not be taken as it was sent."""
    rule: Annotated[str, Field(examples=["gen_ai by its attributes: gen_ai.operation.name=chat"])]
    """Which mapping rule decided what the span means."""


class FoundSpanOut(SpanOut):
    """A span with the run that it belongs to."""

    trace_id: TraceId


class NodeOut(AgentPartOut):
    """An agent of a graph."""

    agent: AgentName


class EdgeOut(Deferred):
    """How often one agent handed over or spoke to another; `sequence`: without a word, the other came next."""

    model_config = ConfigDict(populate_by_name=True)

    sender: Annotated[str, Field(alias="from", examples=["planner"])]
    recipient: Annotated[str, Field(alias="to", examples=["flight_agent"])]
    type: EdgeType
    count: int


class GraphOut(Deferred):
    """Who spoke to whom."""

    nodes: list[NodeOut]
    edges: list[EdgeOut]


class RunDetailOut(RunOut):
    """A run with everything that is known of it."""

    spans: list[SpanOut]
    """In the order of their start."""
    graph: GraphOut
