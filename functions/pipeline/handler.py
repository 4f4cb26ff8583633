"""The door of the raw queue: records in, filtered and batched requests to the team's agent out."""

from collections.abc import Sequence

from headrace import bootstrap
from headrace.entry.queue import Remaining, door
from headrace.ports.bus import Received
from headrace.route.stages.process import process


def pipeline(messages: Sequence[Received], remaining: Remaining) -> Sequence[str]:
    """Work off one event."""
    return process(messages, bootstrap.processing(), remaining)


handler = door("pipeline", pipeline)
