"""Queues and subscriptions on the engine, brought to what the configuration says."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Subscription:
    """That one function consumes one queue of one project, and how."""

    queue: str
    kind: str
    """The name of the queue's kind, and so the function: the one that `template.yaml` gives this kind."""
    batch_window: timedelta = timedelta(0)
    """How long the first message of a batch may wait for company."""
    max_concurrency: int = 2
    """Invocations at once."""
    active: bool = True
    """False: messages are kept and wait."""


class Wiring(Protocol):
    """Makes the engine agree with the configuration. Safe to repeat and to run twice at once.

    Raises Unavailable when the engine is down or throttles; then run it again.
    """

    def reconcile(self, project_id: str, wanted: list[Subscription]) -> None:
        """Make exactly the `wanted` queues and subscriptions of the project exist; remove its others."""
        ...

    def subscriptions(self) -> list[Subscription]:
        """What the engine consumes now, of all projects."""
        ...
