"""Check health: are the bus and the tables there?"""

from collections.abc import Callable
from dataclasses import dataclass

from headrace.errors import Unavailable
from headrace.ports.bus import Bus
from headrace.ports.table import Table


@dataclass(frozen=True, slots=True)
class Health:
    """What answered and what did not; the words are those of contract section 7."""

    store: str
    bus: str

    @property
    def healthy(self) -> bool:
        """Whether everything answered."""
        return self.store == self.bus == "connected"


def check_health(bus: Bus, config: Table) -> Health:
    """Ask each engine once."""
    return Health(store=_state(config.ping), bus=_state(bus.ping))


def _state(ping: Callable[[], None]) -> str:
    try:
        ping()
    except Unavailable as problem:
        return f"unavailable: {problem}"
    return "connected"
