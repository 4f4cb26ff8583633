"""What operations on runs need of the outside world."""

from dataclasses import dataclass

from headrace.ports.clock import Clock
from headrace.ports.table import Table
from headrace.upkeep.operations.change import Changes


@dataclass(frozen=True, slots=True)
class RunsNeeds:
    """Made once in a process by `bootstrap.runs`."""

    config: Table
    telemetry: Table
    clock: Clock
    changes: Changes
