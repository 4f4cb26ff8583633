"""The engines a deployment can run on, chosen by the scheme of its URL. Each is imported when it is chosen."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from headrace.domain.errors import ConfigError
from headrace.ports.bus import Bus, Source
from headrace.ports.clock import Clock
from headrace.ports.table import Table
from headrace.ports.wiring import Wiring
from headrace.settings import Settings

TableName = Literal["config", "telemetry"]
Made = TypeVar("Made")


class Closable(Protocol):
    """What holds files, connections or processes."""

    def close(self) -> None:
        """Let go of them."""
        ...


class OpenBus(Bus, Closable, Protocol):
    """A bus until it is closed."""


class PulledBus(OpenBus, Source, Protocol):
    """A bus that does not push by itself: the pump pulls."""


class OpenWiring(Wiring, Closable, Protocol):
    """A wiring until it is closed."""


class OpenTable(Table, Closable, Protocol):
    """A table until it is closed."""

    def purge(self) -> int:
        """Remove what has expired, on engines that do not do so themselves; return how many items."""
        ...


def make_bus(settings: Settings, clock: Clock) -> OpenBus:
    """The bus that the setting `bus` names. Raises ConfigError."""
    return _choose("BUS", settings.bus_url, {"sqlite": _sqlite_bus})(settings, clock)


def make_wiring(settings: Settings) -> OpenWiring:
    """What makes queues and subscriptions on that bus. Raises ConfigError."""
    return _choose("BUS", settings.bus_url, {"sqlite": _sqlite_wiring})(settings)


def make_table(settings: Settings, name: TableName, clock: Clock) -> OpenTable:
    """One of the two logical tables in the store that the setting `store` names. Raises ConfigError."""
    return _choose("STORE", settings.store_url, {"sqlite": _sql_table})(settings, name, clock)


def _choose(setting: str, url: str, engines: Mapping[str, Callable[..., Made]]) -> Callable[..., Made]:
    scheme = url.partition(":")[0]
    if scheme not in engines:
        raise ConfigError(f"HEADRACE_{setting} must begin with one of {', '.join(engines)}, not {url!r}")
    return engines[scheme]


def _sqlite_bus(settings: Settings, clock: Clock) -> PulledBus:
    from headrace.adapters.bus_sqlite import SqliteBus

    return SqliteBus(_sqlite_path(settings.bus_url), clock, receive_limit=settings.receive_limit)


def _sqlite_wiring(settings: Settings) -> OpenWiring:
    from headrace.adapters.bus_sqlite import SqliteWiring

    return SqliteWiring(_sqlite_path(settings.bus_url))


def _sqlite_path(url: str) -> Path:
    path = url.partition(":///")[2]
    if not path:
        raise ConfigError(f"HEADRACE_BUS must be sqlite:///PATH, not {url!r}")
    return Path(path)


def _sql_table(settings: Settings, name: TableName, clock: Clock) -> OpenTable:
    from headrace.adapters.table_sql import SqlTable

    return SqlTable(settings.store_url, name, clock)
