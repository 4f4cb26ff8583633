"""Bodies of the management API about what flows: status and dead letters. Contract section 7."""

from typing import Annotated, Any

from pydantic import Field

from headrace.api.models import Deferred, PageIn, Strict, Time
from headrace.ports.queues import KindName

Reason = Annotated[str, Field(examples=["the agent answered 503, after 6 attempts"])]
LetterId = Annotated[str, Field(min_length=1, max_length=128, examples=["0f8fad5b-d9cb-469f-a165-70867728950e"])]

_MOST_IDS = 1000


class QueueOut(Deferred):
    """Messages on one queue: waiting, being worked on, given up."""

    depth: int
    in_flight: int
    dead_letters: int


class AgentOut(Deferred):
    """How the agent has answered."""

    last_success_at: Time | None
    last_error: Annotated[str, Field(examples=["answered 503"])] | None
    last_error_at: Time | None


class StatusOut(Deferred):
    """Where a project's records are: accepted = filtered + errored + delivered + dead_lettered + in_flight."""

    accepted: Annotated[int, Field(examples=[1000])]
    """Records that were answered with 200."""
    filtered: int
    """Records that the filter did not keep, or whose signal the pipeline does not take."""
    errored: int
    """Records on which an expression failed, and which were dropped for it."""
    delivered: int
    """Records that the agent took."""
    dead_lettered: int
    """Records that were given up and not redriven; discarding their dead letter leaves them counted here."""
    outputs: int
    """What the agent sent back."""
    sink_deliveries: int
    """Outputs that a sink took, once for each sink."""
    in_flight: int
    """Records that are still on their way."""
    queues: Annotated[
        dict[str, QueueOut],
        Field(examples=[{"gf-ai-raw-5f0c4b57": {"depth": 3, "in_flight": 1, "dead_letters": 0}}]),
    ]
    """By the name of the queue."""
    agent: AgentOut
    filter_error: Annotated[str, Field(examples=["T2001: the left side of + is not a number"])] | None
    """The last failure of an expression since the pipeline was changed."""


class DeadLettersIn(PageIn):
    """Which dead letters to list."""

    queue: KindName
    """On their way to the agent, to the sinks, or to become runs."""


class DeadLetterOut(Deferred):
    """A message that was given up."""

    id: LetterId
    queue: KindName
    reason: Reason
    receive_count: int
    """Deliveries before the engine gave it up; 0 when a function did."""
    at: Time
    attributes: Annotated[dict[str, str], Field(examples=[{"signal": "logs", "records": "1"}])]
    records: Annotated[list[Any], Field(examples=[[{"severityNumber": 17, "body": "Connection refused"}]])]
    """The first ones, or the output; at most ten, and at most 64 KiB."""


class DeadLettersOut(Deferred):
    """Some dead letters, oldest first."""

    items: list[DeadLetterOut]
    next_cursor: str | None


class RedriveIn(Strict):
    """Which dead letters to give a new start: all of a queue, or those named."""

    queue: KindName
    """On their way to the agent, to the sinks, or to become runs."""
    ids: Annotated[list[LetterId], Field(max_length=_MOST_IDS)] | None = None
    """Ids of dead letters; without it all of the queue."""


class RedriveOut(Deferred):
    """How many dead letters were moved."""

    redriven: int


class DiscardIn(Strict):
    """Which dead letters to remove for good: all of a queue, or those named, with commas between them."""

    queue: KindName
    """On their way to the agent, to the sinks, or to become runs."""
    ids: Annotated[str, Field(min_length=1, max_length=8192)] | None = None
    """Ids of dead letters, with commas between them; without it all of the queue."""

    @property
    def wanted(self) -> list[str] | None:
        """The ids, one by one; None for all."""
        return None if self.ids is None else [each for each in self.ids.split(",") if each]


class DiscardOut(Deferred):
    """How many dead letters were removed."""

    discarded: int
