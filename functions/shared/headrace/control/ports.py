"""What the operations of the control plane need from the outside world."""

from dataclasses import dataclass

from headrace.control.tokens import SigningKeys
from headrace.domain.queues import QueueNames
from headrace.ports.bus import Bus
from headrace.ports.clock import Clock
from headrace.ports.expressions import Expressions
from headrace.ports.outbound import Outbound
from headrace.ports.table import Table
from headrace.ports.vault import Vault
from headrace.ports.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Ports:
    """Made once in a process by `bootstrap.controlling`."""

    config: Table
    telemetry: Table
    bus: Bus
    wiring: Wiring
    queues: QueueNames
    clock: Clock
    expressions: Expressions
    outbound: Outbound
    vault: Vault
    signing_keys: SigningKeys
