"""Scheduled events, as EventBridge sends them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4


def encode_event(function: str) -> dict[str, Any]:
    """The event of a schedule that fires now.

    https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-scheduled.html
    """
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "local",
        "resources": [f"arn:aws:events:local:000000000000:rule/{function}"],
        "detail": {},
    }
