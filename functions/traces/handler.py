"""The door of the spans queue: spans in, runs and rollups out."""

from collections.abc import Sequence

from headrace import bootstrap
from headrace.entry.queue import Remaining, door
from headrace.ports.bus import Received
from headrace.trace.stages.trace import trace


def traces(messages: Sequence[Received], remaining: Remaining) -> Sequence[str]:  # noqa: ARG001 - every work gets it
    """Work off one event."""
    return trace(messages, bootstrap.tracing())


handler = door("traces", traces)
