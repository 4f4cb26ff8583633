"""What the operations of the control plane need from the outside world."""

from dataclasses import dataclass

from headrace.ports.bus import Bus
from headrace.ports.clock import Clock
from headrace.ports.expressions import Expressions
from headrace.ports.notifier import Notifier
from headrace.ports.outbound import Outbound
from headrace.ports.queues import QueueNames
from headrace.ports.span_archive import SpanArchive
from headrace.ports.table import Table
from headrace.ports.vault import Vault
from headrace.ports.wiring import Wiring
from headrace.teams.operations.tokens import SigningKeys


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What it takes to bring the engine to the configuration: no secrets, no way out."""

    config: Table
    telemetry: Table
    bus: Bus
    wiring: Wiring
    queues: QueueNames
    clock: Clock
    archive: SpanArchive | None


@dataclass(frozen=True, slots=True)
class Ports(Upkeep):
    """Made once in a process by `bootstrap.controlling`."""

    expressions: Expressions
    outbound: Outbound
    notifier: Notifier
    vault: Vault
    signing_keys: SigningKeys
