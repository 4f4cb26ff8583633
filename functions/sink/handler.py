"""The door of the output queue: what agents said in, requests to webhooks and Slack out."""

from collections.abc import Sequence

from headrace import bootstrap
from headrace.entry.queue import Remaining, door
from headrace.ports.bus import Received
from headrace.route.stages.deliver import deliver


def sink(messages: Sequence[Received], remaining: Remaining) -> Sequence[str]:
    """Work off one event."""
    return deliver(messages, bootstrap.delivering(), remaining)


handler = door("sink", sink)
