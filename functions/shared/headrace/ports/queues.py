"""Names of queues. They come from the outside world (contract section 2), so they are made in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueNames:
    """The queues of a deployment, whose names share a prefix."""

    prefix: str = "gf-ai"

    def raw(self, project_id: str) -> str:
        """Records on their way to the agent."""
        return f"{self.prefix}-raw-{project_id}"

    def output(self, project_id: str) -> str:
        """What the agent said, on its way to the sinks."""
        return f"{self.prefix}-output-{project_id}"

    def spans(self, project_id: str) -> str:
        """Spans on their way to become runs."""
        return f"{self.prefix}-spans-{project_id}"
