"""Wires ports to adapters: with `engines` and `secret_keys`, the only place that names adapters.

Each is imported when it is first chosen. Everything here is made once in a process, at first use, and shared by all
functions that run in it. Stages are imported where their ports are made, so that a function loads its own and no
other's: a cold start is mostly imports.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from headrace import settings as settings_module
from headrace.engines import (
    Closable,
    OpenTable,
    TableName,
    check_store,
    make_archive,
    make_bus,
    make_table,
    make_wiring,
    migrate_store,
)
from headrace.entry.http import Limits
from headrace.errors import ConfigError
from headrace.observability import configure
from headrace.once import once
from headrace.ports.addresses import AddressRules, read_rules
from headrace.ports.bus import Bus, Source
from headrace.ports.clock import Clock
from headrace.ports.expressions import Expressions
from headrace.ports.notifier import Notifier
from headrace.ports.outbound import Outbound
from headrace.ports.queues import QueueNames
from headrace.ports.span_archive import SpanArchive
from headrace.ports.vault import Vault
from headrace.ports.wiring import Wiring
from headrace.route.stages.configuration import Configuration
from headrace.secret_keys import encryption_keys, jwt_keys
from headrace.settings import Settings

if TYPE_CHECKING:
    from headrace.intake.stages import receive
    from headrace.route.stages import accept_output, deliver
    from headrace.route.stages.ports import Ports as ProcessPorts
    from headrace.teams.operations.tokens import SigningKeys
    from headrace.trace.stages import trace
    from headrace.upkeep.operations.ports import Ports as ControlPorts
    from headrace.upkeep.operations.ports import Upkeep

EngineName = Literal["jsonatapy", "jsonata-python"]
Made = TypeVar("Made", bound=Closable)

_overrides: dict[str, Any] = {}
_closers: list[Callable[[], None]] = []


def override(**values: Any) -> None:
    """Let these settings win over the environment; to be called before anything else is made."""
    _overrides.update(values)
    settings.cache_clear()


@once
def settings() -> Settings:
    """The settings of this process. Raises ConfigError."""
    return settings_module.load(**_overrides)


def make_data_dir() -> Path:
    """The data directory, made if need be, for its owner only. Raises ConfigError."""
    folder = settings().data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as cause:
        raise ConfigError(f"the data directory {folder} cannot be made: {cause.strerror}") from cause
    return folder


def close() -> None:
    """Let go of files, connections and processes; what is used afterwards is made anew."""
    while _closers:
        _closers.pop()()
    for made in (bus, wiring, table, expressions, outbound, notifier, configuration, archive, vault, settings):
        made.cache_clear()
    for ports in (receiving, accepting, processing, delivering, tracing, controlling, upkeep):
        ports.cache_clear()


@once
def bus() -> Bus:
    """The chosen bus."""
    return _until_closed(make_bus(settings(), clock()))


def source() -> Source:
    """The chosen bus as the pump sees it. Raises ConfigError where the engine calls the functions by itself."""
    made = bus()
    if not hasattr(made, "receive"):
        raise ConfigError(
            f"{settings().bus_url!r} calls Lambda functions by itself, so there is nothing to pull from: "
            "serve only receiver, agent_output, control_plane and upkeep here, or choose another bus"
        )
    return cast(Source, made)


@once
def wiring() -> Wiring:
    """What makes queues and subscriptions on the chosen bus."""
    return _until_closed(make_wiring(settings()))


@once
def table(name: TableName) -> OpenTable:
    """One of the two logical tables in the chosen store."""
    return _until_closed(make_table(settings(), name, clock()))


def migrate() -> list[str]:
    """Bring the chosen store to the schema that this version needs; the steps that were taken."""
    return migrate_store(settings())


def check_schema() -> None:
    """Raises ConfigError when somebody has to run `headrace migrate`, Unavailable when the store is down."""
    check_store(settings())


@once
def archive() -> SpanArchive | None:
    """Where spans are kept as rows, if anywhere."""
    made = make_archive(settings())
    return None if made is None else _until_closed(made)


def housekeep() -> None:
    """Remove what has expired, on engines that do not do so themselves."""
    table("config").purge()
    table("telemetry").purge()


@once
def expressions() -> Expressions:
    """The JSONata engine, in its sandbox."""
    from headrace.adapters.expressions_jsonata import SandboxedExpressions

    engine = cast(EngineName, settings().expression_engine)  # the settings know no other
    made = SandboxedExpressions(engine=engine, max_workers=settings().expression_workers)
    _closers.append(made.close)
    return made


@once
def outbound() -> Outbound:
    """The way out to users' addresses."""
    from headrace.adapters.outbound_urllib3 import Network, Urllib3Outbound

    made = Urllib3Outbound(Network(_address_rules()))
    _closers.append(made.close)
    return made


@once
def notifier() -> Notifier:
    """The way to services that have an API of their own."""
    from headrace.adapters.notifier_apprise import AppriseNotifier

    return AppriseNotifier(outbound(), _address_rules())


def _address_rules() -> AddressRules:
    return read_rules(settings().outbound_allow, private_allowed=settings().private_addresses_allowed)


@once
def clock() -> Clock:
    """The machine's clock."""
    from headrace.adapters.clock_system import SystemClock

    return SystemClock()


@once
def configuration() -> Configuration:
    """What the data path knows of projects."""
    return Configuration(
        table("config"),
        clock(),
        key_ttl=settings().key_cache,
        ttl=settings().config_cache,
        open_secret=lambda sealed: vault().open(sealed),  # its library is loaded when there is a secret to open
    )


def limits() -> Limits:
    """How much of a request body is taken."""
    return Limits(settings().max_body_bytes, settings().max_unpacked_bytes)


def queues() -> QueueNames:
    """Names of the queues of this deployment."""
    return QueueNames(settings().queue_prefix)


# --- what each function needs --------------------------------------------------------------------------------


@once
def receiving() -> "receive.Ports":
    """For `functions/receiver`."""
    from headrace.intake.stages.receive import Ports

    return Ports(bus(), configuration(), table("telemetry"), clock(), queues(), settings().max_record_bytes)


@once
def accepting() -> "accept_output.Ports":
    """For `functions/agent_output`."""
    from headrace.route.stages.accept_output import Ports

    return Ports(bus(), configuration(), table("telemetry"), clock(), queues(), settings().max_output_bytes)


@once
def processing() -> "ProcessPorts":
    """For `functions/pipeline`."""
    from headrace.route.stages.ports import Ports

    return Ports(bus(), configuration(), table("telemetry"), clock(), expressions(), outbound())


@once
def delivering() -> "deliver.Ports":
    """For `functions/sink`."""
    from headrace.route.stages.deliver import Ports

    return Ports(bus(), configuration(), table("telemetry"), clock(), expressions(), outbound(), notifier())


@once
def tracing() -> "trace.Ports":
    """For `functions/traces`."""
    from headrace.trace.stages.trace import Ports

    return Ports(bus(), configuration(), table("telemetry"), clock(), archive=archive())


@once
def controlling() -> "ControlPorts":
    """For `functions/control_plane`."""
    from headrace.upkeep.operations.ports import Ports

    return Ports(
        config=table("config"),
        telemetry=table("telemetry"),
        bus=bus(),
        wiring=wiring(),
        queues=queues(),
        clock=clock(),
        archive=archive(),
        expressions=expressions(),
        outbound=outbound(),
        notifier=notifier(),
        vault=vault(),
        signing_keys=_signing_keys(),
    )


@once
def upkeep() -> "Upkeep":
    """For `functions/upkeep`, which holds no secrets."""
    from headrace.upkeep.operations.ports import Upkeep

    return Upkeep(table("config"), table("telemetry"), bus(), wiring(), queues(), clock(), archive())


@once
def vault() -> Vault:
    """What seals secrets at rest."""
    from headrace.adapters.vault_fernet import FernetVault

    return FernetVault(encryption_keys(settings(), make_data_dir))


def _signing_keys() -> "SigningKeys":
    from headrace.teams.operations.tokens import SigningKeys

    return SigningKeys(jwt_keys(settings(), make_data_dir))


if settings_module.on_lambda():  # no command line is there to do it
    configure(settings().log_level)


def _until_closed(made: Made) -> Made:
    _closers.append(made.close)
    return made
