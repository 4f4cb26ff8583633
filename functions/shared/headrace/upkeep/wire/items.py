"""Stored items ↔ domain: the layout of the two tables, in one place for those who write and those who read.

config table                                     pk               sk                 gsi_pk        gsi_sk
  account                                        account#ID       account
  e-mail, unique                                 email#ADDRESS    email
  project                                        project#ID       project
  membership                                     project#ID       member#ACCOUNT     account#ID    project#ID
  API key                                        key#HASH         key                project#ID    key#ID
  pipeline                                       project#ID       pipeline
  sink                                           project#ID       sink#ID
  how traces are kept                              project#ID       tracing
  … a pipeline or sink that holds secrets                                            sealed        PK/SK
  audit entry                                    project#ID       audit#TIME#ID
  intent, see upkeep/operations/reconcile                  intent           PROJECT#ID
  schedule, see upkeep/operations/turns                    schedule         NAME
telemetry table
  counters                                       project#ID       counters
  health of a sink                               project#ID       health#SINK
  attempts to deliver to a sink                  project#ID       attempts#SINK#SLOT
  when a webhook may be sent to again            pace#HASH        pace
  the last records received, a few               project#ID       sample#SIGNAL

Secrets are sealed before they come here and opened above: what is stored and what is read here is sealed.
"""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any, get_args

from headrace.errors import InvalidInput
from headrace.ports.program import OUTPUT_TYPES, Program, Transform
from headrace.ports.records import SIGNALS
from headrace.ports.secrets import OldSecret
from headrace.route.domain.pipeline import OnError, Pipeline
from headrace.route.domain.sinks import Sink, SinkType
from headrace.teams.domain.accounts import canonical_email
from headrace.trace.domain.tracing import Price, Tracing

Item = dict[str, Any]

PROJECT, PIPELINE, KEY, ACCOUNT, EMAIL, COUNTERS = (
    "project",
    "pipeline",
    "key",
    "account",
    "email",
    "counters",
)
SINK_PREFIX, SAMPLE_PREFIX = "sink#", "sample#"
HEALTH_PREFIX = "health#"
PROJECT_PREFIX, MEMBER_PREFIX, KEY_PREFIX, AUDIT_PREFIX = "project#", "member#", "key#", "audit#"
ACCOUNT_PREFIX = "account#"
INTENT = "intent"
SCHEDULE = "schedule"
TRACING = "tracing"
SEALED = "sealed"
"""Index partition of everything that holds secrets, so that keys can be rotated without looking at the rest."""


def project_pk(project_id: str) -> str:
    """Partition of everything that belongs to a project."""
    return PROJECT_PREFIX + project_id


def is_live(project: Item | None) -> bool:
    """Whether a project is there for its members: one that is being deleted is not, though its item is."""
    return project is not None and not project.get("deleting")


def key_pk(key_hash: str) -> str:
    """Partition of one API key, found by the hash of the key."""
    return KEY_PREFIX + key_hash


def account_pk(account_id: str) -> str:
    """Partition of one account."""
    return ACCOUNT_PREFIX + account_id


def member_sk(account_id: str) -> str:
    """Sort key of an account's membership in a project."""
    return MEMBER_PREFIX + account_id


def key_gsi_sk(key_id: str) -> str:
    """Sort key of an API key in the index, among those of its project."""
    return KEY_PREFIX + key_id


def audit_sk(at_unix_nano: int, entry_id: str) -> str:
    """Sort key of an audit entry: in the order of time, for as long as nanoseconds have 19 digits."""
    return f"{AUDIT_PREFIX}{at_unix_nano:019}#{entry_id}"


def email_pk(email: str) -> str:
    """Partition that makes an e-mail address belong to one account."""
    return f"email#{canonical_email(email)}"


def encode_pipeline(project_id: str, pipeline: Pipeline) -> Item:
    """The item of a project's pipeline; times in the units that the API uses."""
    return {
        "pk": project_pk(project_id),
        "sk": PIPELINE,
        "agent_endpoint": pipeline.agent_endpoint,
        "enabled": pipeline.enabled,
        "signals": list(pipeline.signals),
        "filter": pipeline.program.filter,
        "transforms": [
            {"expression": each.expression, "output_name": each.output_name, "output_type": each.output_type}
            for each in pipeline.program.transforms
        ],
        "on_error": pipeline.on_error,
        "batch_size": pipeline.batch_size,
        "batch_window_ms": round(pipeline.batch_window.total_seconds() * 1000),
        "timeout_seconds": pipeline.timeout.total_seconds(),
        "max_concurrency": pipeline.max_concurrency,
        "signing_secret": pipeline.signing_secret,
        "old_secrets": encode_old_secrets(pipeline.old_secrets),
        **_sealed(project_id, PIPELINE, holds_secrets=pipeline.signing_secret is not None),
    }


def decode_pipeline(item: Item | None) -> Pipeline:
    """The pipeline of an item; the default one when there is none.

    Raises:
        InvalidInput: the item is damaged; `field` says where.
    """
    if item is None:
        return Pipeline()
    return Pipeline(
        agent_endpoint=_typed(item, "agent_endpoint", str, type(None)),
        enabled=_typed(item, "enabled", bool),
        signals=tuple(_among(SIGNALS, each, item, "signals") for each in _typed(item, "signals", list)),
        program=Program(_typed(item, "filter", str, type(None)), _decode_transforms(item)),
        on_error=_among(get_args(OnError), item.get("on_error"), item, "on_error"),
        batch_size=_positive(item, "batch_size", int),
        batch_window=timedelta(milliseconds=_typed(item, "batch_window_ms", int)),
        timeout=timedelta(seconds=_positive(item, "timeout_seconds", int, float)),
        max_concurrency=_positive(item, "max_concurrency", int),
        signing_secret=_typed(item, "signing_secret", str, type(None)),
        old_secrets=_decode_old_secrets(item),
    )


def _decode_transforms(item: Item) -> tuple[Transform, ...]:
    transforms = _typed(item, "transforms", list)
    if not all(isinstance(each, dict) for each in transforms):
        raise InvalidInput(f"{item['pk']}/{item['sk']}: transforms must hold objects", field="transforms")
    return tuple(
        Transform(
            _typed(each, "expression", str),
            _typed(each, "output_name", str),
            _among(OUTPUT_TYPES, each.get("output_type"), item, "output_type"),
        )
        for each in transforms
    )


def encode_sink(project_id: str, sink: Sink) -> Item:
    """The item of one sink."""
    return {
        "pk": project_pk(project_id),
        "sk": SINK_PREFIX + sink.id,
        "type": sink.type,
        "url": sink.url,
        "name": sink.name,
        "enabled": sink.enabled,
        "filter": sink.filter,
        "template": sink.template,
        "method": sink.method,
        "headers": dict(sink.headers),
        "signing_secret": sink.signing_secret,
        "old_secrets": encode_old_secrets(sink.old_secrets),
        "timeout_seconds": sink.timeout.total_seconds(),
        **_sealed(project_id, SINK_PREFIX + sink.id, holds_secrets=bool(sink.secrets)),
    }


def decode_sink(item: Item) -> Sink:
    """The sink of an item.

    Raises:
        InvalidInput: the item is damaged; `field` says where.
    """
    return Sink(
        id=_typed(item, "sk", str).removeprefix(SINK_PREFIX),
        type=_among(get_args(SinkType), item.get("type"), item, "type"),
        url=_typed(item, "url", str),
        name=_typed(item, "name", str),
        enabled=_typed(item, "enabled", bool),
        filter=_typed(item, "filter", str, type(None)),
        template=_typed(item, "template", str, type(None)),
        method=_typed(item, "method", str),
        headers=_typed(item, "headers", dict),
        signing_secret=_typed(item, "signing_secret", str, type(None)),
        old_secrets=_decode_old_secrets(item),
        timeout=timedelta(seconds=_positive(item, "timeout_seconds", int, float)),
    )


def encode_old_secrets(old: Iterable[OldSecret]) -> list[Item]:
    """How replaced signing secrets, sealed ones, stand in an item."""
    return [{"secret": each.secret, "until_unix_nano": each.until_unix_nano} for each in old]


def _decode_old_secrets(item: Item) -> tuple[OldSecret, ...]:
    """Items of before there were any have none."""
    stored = _typed(item, "old_secrets", list) if item.get("old_secrets") is not None else []
    if not all(isinstance(each, dict) for each in stored):
        raise _damaged(item, "old_secrets", "a list of objects", stored)
    return tuple(OldSecret(_typed(each, "secret", str), _typed(each, "until_unix_nano", int)) for each in stored)


def encode_tracing(project_id: str, tracing: Tracing) -> Item:
    """The item of how a project's traces are kept."""
    return {
        "pk": project_pk(project_id),
        "sk": TRACING,
        "retention_days": tracing.retention.days,
        "capture_content": tracing.capture_content,
        "prices": {
            model: {"input": price.input, "output": price.output, "cached_input": price.cached_input}
            for model, price in tracing.prices.items()
        },
    }


def decode_tracing(item: Item | None) -> Tracing:
    """How a project's traces are kept; as by default when there is no item.

    Raises:
        InvalidInput: the item is damaged; `field` says where.
    """
    if item is None:
        return Tracing()
    prices = _typed(item, "prices", dict)
    if not all(isinstance(each, dict) for each in prices.values()):
        raise _damaged(item, "prices", "an object of objects", prices)
    return Tracing(
        retention=timedelta(days=_positive(item, "retention_days", int)),
        capture_content=_typed(item, "capture_content", bool),
        prices={model: Price(**price) for model, price in prices.items()},
    )


def encode_sample(project_id: str, signal: str, records_json: str, expires_at: int) -> Item:
    """The item of some records of a signal, as JSON text; `expires_at` in seconds since 1970."""
    return {
        "pk": project_pk(project_id),
        "sk": SAMPLE_PREFIX + signal,
        "records": records_json,
        "expires_at": expires_at,
    }


def _sealed(project_id: str, sk: str, *, holds_secrets: bool) -> Item:
    """The index keys of an item, if it holds secrets."""
    return {"gsi_pk": SEALED, "gsi_sk": f"{project_pk(project_id)}/{sk}"} if holds_secrets else {}


def _typed(item: Item, name: str, *types: type) -> Any:
    value = item.get(name)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise _damaged(item, name, " or ".join(each.__name__ for each in types), value)
    return value


def _positive(item: Item, name: str, *types: type) -> Any:
    value = _typed(item, name, *types)
    if value <= 0:
        raise _damaged(item, name, "above 0", value)
    return value


def _among(allowed: Collection[str], value: Any, item: Item, name: str) -> Any:
    if value not in allowed:
        raise _damaged(item, name, " or ".join(allowed), value)
    return value


def _damaged(item: Item, name: str, wanted: str, value: Any) -> InvalidInput:
    where = f"{item.get('pk', '')}/{item.get('sk', '')}"
    return InvalidInput(f"{where}: {name} must be {wanted}, not {value!r}", field=name)
