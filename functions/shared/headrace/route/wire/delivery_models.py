"""Bodies of the management API about what was sent to a sink, and what would be."""

from typing import Annotated, Any

import orjson
from pydantic import Field, field_validator

from headrace.api.models import Deferred, Strict, Time
from headrace.api.showing import can_be_shown
from headrace.route.domain.delivery import SinkAttempt
from headrace.times import timestamp

_TRIED_BYTES = 256 * 1024


class SinkTestIn(Strict):
    """What to send; a sample finding unless there is a payload."""

    payload: Annotated[Any, Field(examples=[{"title": "Disk is full", "severity": "critical"}])] = None
    dry_run: bool = False
    """Show the request without sending it."""

    @field_validator("payload")
    @classmethod
    def _small(cls, payload: Any) -> Any:
        if not can_be_shown(payload):
            raise ValueError("must not be nested that deep")
        if (size := len(orjson.dumps(payload))) > _TRIED_BYTES:
            raise ValueError(f"must have at most {_TRIED_BYTES} bytes as JSON, not {size}")
        return payload


class SentRequest(Deferred):
    """The request of a test; a secret address is shown as `***`. Of apprise: what its service is told."""

    method: Annotated[str, Field(examples=["POST"])] | None
    """None for apprise, whose services differ."""
    url: Annotated[str, Field(examples=["https://alerts.example.com/hook"])]
    headers: Annotated[list[str], Field(examples=[["Content-Type", "X-Project-ID", "webhook-id"]])]
    """Their names."""
    body: Annotated[Any, Field(examples=[{"title": "Test from Headrace"}])]


class SinkTestOut(Deferred):
    """What came of a test."""

    kept: bool
    """Whether the sink's filter wants this payload."""
    sent: bool
    status: Annotated[int, Field(examples=[200])] | None
    """Of the answer."""
    ms: Annotated[float, Field(examples=[12.3])] | None
    body: Annotated[str, Field(examples=["ok"])] | None
    """The first 2 KiB of the answer, without the sink's secrets."""
    error: Annotated[str, Field(examples=["answered 404"])] | None
    """Why nothing was sent, or why the other side did not take it."""
    request: SentRequest | None


class DeliveryOut(Deferred):
    """One attempt to deliver one output to a sink."""

    at: Time
    """When it ended."""
    output_id: Annotated[str, Field(examples=["0f8fad5b-d9cb-469f-a165-70867728950e"])]
    request_id: Annotated[str, Field(examples=["5d1f7c0a-9be6-4f8b-8b0c-3f8f0d6d2a11"])] | None
    """Of the agent that said it."""
    attempt: Annotated[int, Field(examples=[1])]
    """From 1; a later one is a retry."""
    ok: bool
    status: Annotated[int, Field(examples=[503])] | None
    """Of HTTP, when an answer came."""
    ms: Annotated[float, Field(examples=[12.3])] | None
    """How long it took; null when nothing was sent."""
    error: Annotated[str, Field(examples=["answered 503: overloaded"])] | None

    @classmethod
    def of(cls, attempt: SinkAttempt) -> "DeliveryOut":
        """The body that describes `attempt`."""
        return cls(
            at=timestamp(attempt.at_unix_nano),
            output_id=attempt.output_id,
            request_id=attempt.request_id,
            attempt=attempt.number,
            ok=attempt.verdict == "done",
            status=attempt.status,
            ms=attempt.ms,
            error=attempt.error,
        )


class DeliveriesOut(Deferred):
    """Some attempts, newest first."""

    items: list[DeliveryOut]
    next_cursor: str | None
