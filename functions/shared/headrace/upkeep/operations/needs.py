"""What upkeep needs of the outside world, and of the capabilities, none of which it knows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.ports.bus import Bus
from headrace.ports.clock import Clock
from headrace.ports.queues import QueueKind, QueueNames
from headrace.ports.table import Table
from headrace.ports.wiring import Subscription, Wiring

Rule = Callable[[str, QueueKind, str], Subscription | None]
"""`(queue, its kind, project id) -> how it is consumed now`; None: the project has no use for it."""

Eraser = Callable[[str], None]
"""`(project id)`: removes what a capability has stored of a project. Safe to repeat. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class UpkeepNeeds:
    """Made once in a process by `bootstrap.upkeep`. No secrets, no way out."""

    config: Table
    telemetry: Table
    bus: Bus
    wiring: Wiring
    queues: QueueNames
    clock: Clock
    rules: Mapping[str, Rule] = field(default_factory=dict)
    """By the names that kinds of queues give as `wanted`."""
    revokers: Sequence[Eraser] = ()
    """Go before queues do: as long as there are keys, new messages come."""
    erasers: Sequence[Eraser] = ()
    """Go after them. What is in the project's own partitions needs none."""
