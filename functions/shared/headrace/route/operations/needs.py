"""What operations on pipelines and sinks need of the outside world."""

from dataclasses import dataclass

from headrace.ports.clock import Clock
from headrace.ports.expressions import Expressions
from headrace.ports.notifier import Notifier
from headrace.ports.outbound import Outbound
from headrace.ports.table import Table
from headrace.ports.vault import Vault
from headrace.upkeep.operations.change import Changes


@dataclass(frozen=True, slots=True)
class RouteNeeds:
    """Made once in a process by `bootstrap.route`."""

    config: Table
    telemetry: Table
    clock: Clock
    expressions: Expressions
    outbound: Outbound
    notifier: Notifier
    vault: Vault
    changes: Changes
