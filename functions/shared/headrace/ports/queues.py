"""Queues: one table of their kinds, and their names, which come from the outside world (contract section 2).

A new kind of queue is a row here, its function and that function's entry in `template.yaml`. Where a project does not
always have it, the capability hands `upkeep` a rule by the name that the row gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

ALWAYS = ""


@dataclass(frozen=True, slots=True)
class QueueKind:
    """One queue of each project."""

    name: str
    """Part of the queue's name; what template, API and command line call it."""
    function: str
    """The folder of the function that works it off."""
    subject: str = "in"
    """How the subject ends on NATS."""
    max_concurrency: int = 2
    """Invocations at once, where no rule says otherwise."""
    wanted: str = ALWAYS
    """The rule that says when a project has it, and how it is consumed then."""
    counts: bool = False
    """Its messages stand in the delivery equation: dead letters are counted in records."""


RAW = QueueKind("raw", "pipeline", wanted="pipeline", counts=True)
"""Records on their way to the agent."""
OUTPUT = QueueKind("output", "sink", subject="out")
"""What the agent said, on its way to the sinks."""
SPANS = QueueKind("spans", "traces")
"""Spans on their way to become runs."""

KINDS = (RAW, OUTPUT, SPANS)

if TYPE_CHECKING:
    KindName = str
else:
    KindName = Literal[tuple(kind.name for kind in KINDS)]
"""The name of one of them, as models and options take it."""


@dataclass(frozen=True, slots=True)
class QueueNames:
    """The queues of a deployment, whose names share a prefix."""

    prefix: str = "gf-ai"
    kinds: Sequence[QueueKind] = field(default_factory=lambda: KINDS)

    def name(self, kind: QueueKind, project_id: str) -> str:
        """What a project's queue of this kind is called."""
        return f"{self.prefix}-{kind.name}-{project_id}"

    def kind(self, name: str) -> QueueKind:
        """The kind of this name. Raises KeyError: there is none."""
        return {kind.name: kind for kind in self.kinds}[name]
