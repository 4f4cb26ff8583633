"""The engines a deployment can run on, chosen by the scheme of its URL. Each is imported when it is chosen."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from headrace.errors import ConfigError
from headrace.ports.bus import Bus, Source
from headrace.ports.clock import Clock
from headrace.ports.queues import KINDS
from headrace.ports.span_archive import SpanArchive
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


class OpenArchive(SpanArchive, Closable, Protocol):
    """An archive of spans until it is closed."""

    def migrate(self) -> list[str]:
        """Make its table; what was done, nothing when it is there. Raises Unavailable."""
        ...


class OpenTable(Table, Closable, Protocol):
    """A table until it is closed."""

    def purge(self) -> int:
        """Remove what has expired, on engines that do not do so themselves; return how many items."""
        ...


def make_bus(settings: Settings, clock: Clock) -> OpenBus:
    """The bus that the setting `bus` names. Raises ConfigError."""
    return _choose("BUS", settings.bus_url, _BUSES)(settings, clock)


def make_wiring(settings: Settings) -> OpenWiring:
    """What makes queues and subscriptions on that bus. Raises ConfigError."""
    return _choose("BUS", settings.bus_url, _WIRINGS)(settings)


def make_archive(settings: Settings) -> OpenArchive | None:
    """Where spans are kept as rows beside the tables, if the setting `spans` names a place. Raises ConfigError."""
    if not settings.spans:
        return None
    return _choose("SPANS", settings.spans, {"postgresql": _span_archive})(settings)


def make_table(settings: Settings, name: TableName, clock: Clock) -> OpenTable:
    """One of the two logical tables in the store that the setting `store` names. Raises ConfigError."""
    return _choose("STORE", settings.store_url, _TABLES)(settings, name, clock)


def migrate_store(settings: Settings) -> list[str]:
    """Bring the store to the schema that this program needs; the steps that were taken.

    Raises:
        ConfigError: the store's URL cannot be used.
        Unavailable: it does not answer.
    """
    done: list[str] = []
    if _has_schema(settings):
        from headrace.adapters.table_sql import migrate

        done += migrate(settings.store_url)
    if (archive := make_archive(settings)) is not None:
        done += archive.migrate()
        archive.close()
    return done


def check_store(settings: Settings) -> None:
    """Return when the store has the schema that this program needs.

    Raises:
        ConfigError: it has an older one, or its URL cannot be used.
        Unavailable: it does not answer.
    """
    if _has_schema(settings):
        from headrace.adapters.table_sql import check_schema

        check_schema(settings.store_url)


def _has_schema(settings: Settings) -> bool:
    """Only SQL has one: on DynamoDB the template makes the tables."""
    return settings.store_url.partition(":")[0] in ("sqlite", "postgresql")


def _choose(setting: str, url: str, engines: Mapping[str, Callable[..., Made]]) -> Callable[..., Made]:
    scheme = url.partition(":")[0]
    if scheme not in engines:
        raise ConfigError(f"HEADRACE_{setting} must begin with one of {', '.join(engines)}, not {scheme!r}")

    def make(*arguments: object) -> Made:
        try:
            return engines[scheme](*arguments)
        except ModuleNotFoundError as missing:
            raise ConfigError(f"{scheme}:// needs the package {missing.name}, which is not installed") from missing

    return make


def _sqlite_bus(settings: Settings, clock: Clock) -> PulledBus:
    from headrace.adapters.bus_sqlite import SqliteBus

    return SqliteBus(_sqlite_path(settings.bus_url), clock, receive_limit=settings.receive_limit)


def _sqlite_wiring(settings: Settings) -> OpenWiring:
    from headrace.adapters.bus_sqlite import SqliteWiring

    return SqliteWiring(_sqlite_path(settings.bus_url))


def _nats_bus(settings: Settings, clock: Clock) -> PulledBus:
    from headrace.adapters.bus_nats import NatsBus

    return NatsBus(
        settings.bus_url,
        clock,
        receive_limit=settings.receive_limit,
        prefix=settings.queue_prefix,
        replicas=settings.nats_replicas,
        ack_wait=settings.nats_ack_wait,
    )


def _nats_wiring(settings: Settings) -> OpenWiring:
    from headrace.adapters.bus_nats import NatsWiring

    return NatsWiring(
        settings.bus_url,
        prefix=settings.queue_prefix,
        replicas=settings.nats_replicas,
        ack_wait=settings.nats_ack_wait,
    )


def _sqs_bus(settings: Settings, clock: Clock) -> OpenBus:
    from headrace.adapters.bus_sqs import LARGEST_BODY_BYTES, SqsBus

    for name in ("max_record_bytes", "max_output_bytes"):
        if (size := getattr(settings, name)) > LARGEST_BODY_BYTES:
            raise ConfigError(f"HEADRACE_{name.upper()} is {size}, but SQS takes {LARGEST_BODY_BYTES} bytes at most")
    return SqsBus(
        clock,
        receive_limit=settings.receive_limit,
        queue_prefix=settings.queue_prefix,
        region=_region(settings.bus_url),
    )


def _aws_wiring(settings: Settings) -> OpenWiring:
    from headrace.adapters.wiring_aws import AwsWiring

    return AwsWiring(
        {kind.name: settings.function_of(kind.function) for kind in KINDS},
        queue_prefix=settings.queue_prefix,
        receive_limit=settings.receive_limit,
        region=_region(settings.bus_url),
    )


def _dynamodb_table(settings: Settings, name: TableName, clock: Clock) -> OpenTable:
    from headrace.adapters.table_dynamodb import DynamoTable

    names = {"config": settings.config_table, "telemetry": settings.telemetry_table}
    return DynamoTable(names[name], clock, region=_region(settings.store_url))


def _region(url: str) -> str:
    """`sqs://` and `dynamodb://` leave the region to botocore; `sqs://eu-west-1` names it."""
    found = re.fullmatch("[a-z]+://([a-z0-9-]*)", url)
    if not found:
        raise ConfigError(f"{url!r} is no engine on AWS: write {url.partition(':')[0]}:// or add a region to it")
    return found[1]


def _sqlite_path(url: str) -> Path:
    path = url.partition(":///")[2]
    if not path:
        raise ConfigError(f"HEADRACE_BUS must be sqlite:///PATH, not {url!r}")
    return Path(path)


def _span_archive(settings: Settings) -> OpenArchive:
    from headrace.adapters.span_archive_postgres import PostgresSpanArchive

    return PostgresSpanArchive(settings.spans)


def _sql_table(settings: Settings, name: TableName, clock: Clock) -> OpenTable:
    from headrace.adapters.table_sql import SqlTable

    return SqlTable(settings.store_url, name, clock)


_BUSES: Mapping[str, Callable[[Settings, Clock], OpenBus]] = {
    "sqlite": _sqlite_bus,
    "nats": _nats_bus,
    "tls": _nats_bus,
    "sqs": _sqs_bus,
}
_WIRINGS: Mapping[str, Callable[[Settings], OpenWiring]] = {
    "sqlite": _sqlite_wiring,
    "nats": _nats_wiring,
    "tls": _nats_wiring,
    "sqs": _aws_wiring,
}
_TABLES: Mapping[str, Callable[[Settings, TableName, Clock], OpenTable]] = {
    "sqlite": _sql_table,
    "postgresql": _sql_table,
    "dynamodb": _dynamodb_table,
}
