"""Scheduled events, as EventBridge sends them, ↔ plain calls."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from chalice.app import Chalice, CloudWatchEvent

Handler = Callable[[dict[str, Any], Any], None]


def door(name: str, work: Callable[[], object]) -> Handler:
    """A function that is called now and then. What `work` raises is an error of the function, as its engine counts it.

    How often is said in `template.yaml` alone.
    """
    chalice = Chalice(app_name=name)

    def view(event: CloudWatchEvent) -> None:  # noqa: ARG001 - that it came is all that it says
        work()

    view.__name__ = name
    pattern = {"source": ["aws.events"], "detail-type": ["Scheduled Event"]}
    handler: Handler = chalice.on_cw_event(pattern, name=name)(view)
    return handler


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
