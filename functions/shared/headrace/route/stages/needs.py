"""What the stages that send need from the outside world."""

from dataclasses import dataclass

from headrace.ports.bus import Bus
from headrace.ports.clock import Clock
from headrace.ports.expressions import Expressions
from headrace.ports.outbound import Outbound
from headrace.ports.table import Table
from headrace.route.stages.configuration import Configuration


@dataclass(frozen=True, slots=True)
class SendNeeds:
    """Made once in a process by `bootstrap`."""

    bus: Bus
    configuration: Configuration
    telemetry: Table
    clock: Clock
    expressions: Expressions
    outbound: Outbound
