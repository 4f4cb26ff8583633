"""How a project's records become requests to its agent, and how failures are answered."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from headrace.ports.program import Program
from headrace.ports.records import Signal
from headrace.ports.secrets import OldSecret

OnError = Literal["drop", "forward", "dead_letter"]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The configuration of contract section 3; the defaults are what a project without one has."""

    agent_endpoint: str | None = None
    enabled: bool = True
    signals: tuple[Signal, ...] = ("logs",)
    program: Program = field(default_factory=Program)
    on_error: OnError = "drop"
    batch_size: int = 10
    batch_window: timedelta = timedelta(seconds=1)
    timeout: timedelta = timedelta(seconds=30)
    max_concurrency: int = 4
    signing_secret: str | None = field(default=None, repr=False)
    old_secrets: tuple[OldSecret, ...] = ()

    @property
    def active(self) -> bool:
        """Whether the raw queue is consumed at all."""
        return self.enabled and bool(self.agent_endpoint)

    @property
    def invocations(self) -> int:
        """Invocations of the function at once. Two, so that one slow batch does not stop the filter."""
        return min(2, self.max_concurrency)

    @property
    def requests_per_invocation(self) -> int:
        """Requests to the agent at once within one invocation; times `invocations` it is `max_concurrency`."""
        return self.max_concurrency // self.invocations

    def with_secrets(self, change: Callable[[str], str]) -> "Pipeline":
        """The same pipeline, with its secrets put through `change`: sealed, opened or hidden."""
        if not self.signing_secret:
            return self
        old = tuple(each.with_secret(change) for each in self.old_secrets)
        return replace(self, signing_secret=change(self.signing_secret), old_secrets=old)
