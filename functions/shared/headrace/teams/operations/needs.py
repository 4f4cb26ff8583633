"""What operations on accounts, projects, members and keys need of the outside world."""

from dataclasses import dataclass

from headrace.ports.clock import Clock
from headrace.ports.table import Table
from headrace.teams.operations.tokens import SigningKeys
from headrace.upkeep.operations.change import Changes


@dataclass(frozen=True, slots=True)
class TeamsNeeds:
    """Made once in a process by `bootstrap.teams`."""

    config: Table
    telemetry: Table
    """Where attempts to sign in are counted."""
    clock: Clock
    signing_keys: SigningKeys
    changes: Changes
