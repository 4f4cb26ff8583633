"""Bodies of the management API about agents and services over a time. Capability Trace."""

from typing import Annotated

from pydantic import Field

from headrace.api.models import Deferred, Moment, Strict
from headrace.trace.domain.rollups import Side
from headrace.trace.wire.run_models import AgentName, Dollars, Milliseconds, Role, Tokens


class WindowIn(Strict):
    """Of which time."""

    since: Moment | None = None
    """What started at this time or later; a day ago when it is left out."""
    until: Moment | None = None
    """What started before this time; now when it is left out."""


class AgentFiguresOut(Deferred):
    """How one agent did in all runs of a time."""

    name: AgentName
    role: Role
    runs: int
    failures: int
    """Runs that failed, whoever was to blame."""
    errors: int
    """Errors of the agent's own spans, recovered ones too."""
    llm_calls: int
    tool_calls: int
    input_tokens: Tokens
    output_tokens: Tokens
    cost_usd: Dollars
    duration_ms_p50: Milliseconds | None
    duration_ms_p95: Milliseconds | None
    duration_ms_p99: Milliseconds | None
    complete: bool
    """False: there were more runs than are looked at; these are the newest of them."""


class AgentsOut(Deferred):
    """The agents that took part in runs, those with most runs first."""

    items: list[AgentFiguresOut]


class ServiceFiguresOut(Deferred):
    """How one operation of a service did, or one thing that it depends on. Quantiles are right within 1 %."""

    service: Annotated[str, Field(examples=["travel-desk"])]
    side: Side
    name: Annotated[str, Field(examples=["GET /flights/*"])]
    """Ids within it are shown as `*`."""
    calls: int
    errors: int
    duration_ms_p50: Milliseconds | None
    duration_ms_p95: Milliseconds | None
    duration_ms_p99: Milliseconds | None


class ServicesOut(Deferred):
    """Operations and dependencies of all services, those with most calls first."""

    items: list[ServiceFiguresOut]
