"""Wires ports to adapters: with `engines` and `secret_keys`, the only place that names adapters.

Each is imported when it is first chosen. Everything here is made once in a process, at first use, and shared by all
functions that run in it. Stages are imported where their needs are made, so that a function loads its own and no
other's: a cold start is mostly imports.
"""

from collections.abc import Callable
from functools import partial
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
from headrace.ports.remembered import Remembered
from headrace.ports.span_archive import SpanArchive
from headrace.ports.table import Table
from headrace.ports.vault import Vault
from headrace.ports.wiring import Wiring
from headrace.route.stages.configuration import Configuration
from headrace.secret_keys import encryption_keys, jwt_keys
from headrace.settings import Settings

if TYPE_CHECKING:
    from headrace.intake.stages.receive import ReceiveNeeds
    from headrace.route.operations.needs import RouteNeeds
    from headrace.route.stages.accept_output import AcceptNeeds
    from headrace.route.stages.configuration import Configuration
    from headrace.route.stages.deliver import DeliverNeeds
    from headrace.route.stages.process import ProcessNeeds
    from headrace.teams.operations.identity import Members
    from headrace.teams.operations.needs import TeamsNeeds
    from headrace.teams.operations.tokens import SigningKeys
    from headrace.teams.stages.authenticate import ApiKeys
    from headrace.trace.operations.needs import RunsNeeds
    from headrace.trace.stages.trace import TraceNeeds
    from headrace.upkeep.operations.change import Changes
    from headrace.upkeep.operations.needs import UpkeepNeeds

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
    for made in _MADE:
        made.cache_clear()


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
def api_keys() -> "ApiKeys":
    """Which project an API key belongs to."""
    from headrace.teams.stages.authenticate import ApiKeys

    return ApiKeys(table("config"), clock(), ttl=settings().key_cache)


@once
def configuration() -> "Configuration":
    """What the data path knows of pipelines and sinks."""
    return Configuration(
        table("config"),
        clock(),
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
def receiving() -> "ReceiveNeeds":
    """For `functions/receiver`."""
    from headrace.intake.stages.receive import ReceiveNeeds

    return ReceiveNeeds(
        bus(), configuration().signals, table("telemetry"), clock(), queues(), settings().max_record_bytes
    )


@once
def accepting() -> "AcceptNeeds":
    """For `functions/agent_output`."""
    from headrace.route.stages.accept_output import AcceptNeeds

    return AcceptNeeds(bus(), table("telemetry"), clock(), queues(), settings().max_output_bytes)


@once
def processing() -> "ProcessNeeds":
    """For `functions/pipeline`."""
    from headrace.route.stages.process import ProcessNeeds

    return ProcessNeeds(bus(), configuration(), table("telemetry"), clock(), expressions(), outbound())


@once
def delivering() -> "DeliverNeeds":
    """For `functions/sink`."""
    from headrace.route.stages.deliver import DeliverNeeds

    return DeliverNeeds(bus(), configuration(), table("telemetry"), clock(), expressions(), outbound(), notifier())


@once
def tracing() -> "TraceNeeds":
    """For `functions/traces`."""
    from headrace.trace.operations.tracing import load_tracing
    from headrace.trace.stages.trace import TraceNeeds

    of_project = Remembered(partial(load_tracing, config=table("config")), settings().config_cache, clock())
    return TraceNeeds(bus(), of_project, table("telemetry"), clock(), archive=archive())


@once
def upkeep() -> "UpkeepNeeds":
    """For `functions/upkeep`, status and dead letters. It holds no secrets."""
    return make_upkeep(table("config"), table("telemetry"), bus(), wiring(), queues(), clock(), archive())


def make_upkeep(
    config: Table,
    telemetry: Table,
    bus: Bus,
    wiring: Wiring,
    queues: QueueNames,
    clock: Clock,
    archive: SpanArchive | None,
) -> "UpkeepNeeds":
    """What upkeep needs, with what each capability hands to it: rules for its queues, and erasers."""
    from headrace.route.operations.wiring import by_pipeline
    from headrace.teams.operations.keys import revoke_all_keys
    from headrace.trace.operations.erase import erase_runs
    from headrace.upkeep.operations.needs import UpkeepNeeds

    return UpkeepNeeds(
        config,
        telemetry,
        bus,
        wiring,
        queues,
        clock,
        rules={"pipeline": partial(by_pipeline, config=config)},
        revokers=(partial(revoke_all_keys, config=config),),
        erasers=(partial(erase_runs, telemetry=telemetry, archive=archive),),
    )


# --- what operations of the management API need ---------------------------------------------------------------


@once
def changes() -> "Changes":
    """What makes changes of configuration."""
    from headrace.upkeep.operations.change import Changes

    return Changes(upkeep())


@once
def signing_keys() -> "SigningKeys":
    """The keys of access tokens."""
    from headrace.teams.operations.tokens import SigningKeys

    return SigningKeys(jwt_keys(settings(), make_data_dir))


@once
def identity() -> "Members":
    """Who is who."""
    from headrace.teams.operations.identity import Members

    return Members(table("config"), signing_keys(), clock())


@once
def teams() -> "TeamsNeeds":
    """For accounts, projects, members, keys and the audit."""
    from headrace.teams.operations.needs import TeamsNeeds

    return TeamsNeeds(table("config"), table("telemetry"), clock(), signing_keys(), changes())


@once
def routing() -> "RouteNeeds":
    """For pipelines and sinks."""
    from headrace.route.operations.needs import RouteNeeds

    return RouteNeeds(
        table("config"), table("telemetry"), clock(), expressions(), outbound(), notifier(), vault(), changes()
    )


@once
def runs() -> "RunsNeeds":
    """For runs, agents and services."""
    from headrace.trace.operations.needs import RunsNeeds

    return RunsNeeds(table("config"), table("telemetry"), clock(), changes())


@once
def vault() -> Vault:
    """What seals secrets at rest."""
    from headrace.adapters.vault_fernet import FernetVault

    return FernetVault(encryption_keys(settings(), make_data_dir))


if settings_module.on_lambda():  # no command line is there to do it
    configure(settings().log_level)


def _until_closed(made: Made) -> Made:
    _closers.append(made.close)
    return made


_MADE = (
    *(settings, clock, bus, wiring, table, archive, expressions, outbound, notifier, vault, api_keys, configuration),
    *(receiving, accepting, processing, delivering, tracing, upkeep),
    *(changes, signing_keys, identity, teams, routing, runs),
)
