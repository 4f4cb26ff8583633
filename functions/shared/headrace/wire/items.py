"""Stored items ↔ domain: the layout of the two tables, in one place for those who write and those who read.

config table                                     pk               sk                 gsi_pk        gsi_sk
  account                                        account#ID       account
  e-mail, unique                                 email#ADDRESS    email
  project                                        project#ID       project
  membership                                     project#ID       member#ACCOUNT     account#ID    project#ID
  API key                                        key#HASH         key                project#ID    key#ID
  pipeline                                       project#ID       pipeline
  sink                                           project#ID       sink#ID
telemetry table
  counters                                       project#ID       counters
"""

from datetime import timedelta
from typing import Any

from headrace.domain.errors import InvalidInput
from headrace.domain.pipeline import Pipeline
from headrace.domain.program import Program, Transform
from headrace.domain.sinks import Sink

Item = dict[str, Any]

PROJECT, PIPELINE, KEY, ACCOUNT, EMAIL, COUNTERS = (
    "project",
    "pipeline",
    "key",
    "account",
    "email",
    "counters",
)
SINK_PREFIX = "sink#"


def project_pk(project_id: str) -> str:
    """Partition of everything that belongs to a project."""
    return f"project#{project_id}"


def key_pk(key_hash: str) -> str:
    """Partition of one API key, found by the hash of the key."""
    return f"key#{key_hash}"


def account_pk(account_id: str) -> str:
    """Partition of one account."""
    return f"account#{account_id}"


def member_sk(account_id: str) -> str:
    """Sort key of an account's membership in a project."""
    return f"member#{account_id}"


def email_pk(email: str) -> str:
    """Partition that makes an e-mail address belong to one account."""
    return f"email#{email.strip().lower()}"


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
        signals=tuple(_typed(item, "signals", list)),
        program=Program(_typed(item, "filter", str, type(None)), _decode_transforms(item)),
        on_error=_typed(item, "on_error", str),
        batch_size=_typed(item, "batch_size", int),
        batch_window=timedelta(milliseconds=_typed(item, "batch_window_ms", int)),
        timeout=timedelta(seconds=_typed(item, "timeout_seconds", int, float)),
        max_concurrency=_typed(item, "max_concurrency", int),
    )


def _decode_transforms(item: Item) -> tuple[Transform, ...]:
    transforms = _typed(item, "transforms", list)
    if not all(isinstance(each, dict) for each in transforms):
        raise InvalidInput(f"{item['pk']}/{item['sk']}: transforms must hold objects", field="transforms")
    return tuple(
        Transform(
            _typed(each, "expression", str),
            _typed(each, "output_name", str),
            _typed(each, "output_type", str),
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
        "timeout_seconds": sink.timeout.total_seconds(),
    }


def decode_sink(item: Item) -> Sink:
    """The sink of an item.

    Raises:
        InvalidInput: the item is damaged; `field` says where.
    """
    return Sink(
        id=_typed(item, "sk", str).removeprefix(SINK_PREFIX),
        type=_typed(item, "type", str),
        url=_typed(item, "url", str),
        name=_typed(item, "name", str),
        enabled=_typed(item, "enabled", bool),
        filter=_typed(item, "filter", str, type(None)),
        template=_typed(item, "template", str, type(None)),
        method=_typed(item, "method", str),
        headers=_typed(item, "headers", dict),
        signing_secret=_typed(item, "signing_secret", str, type(None)),
        timeout=timedelta(seconds=_typed(item, "timeout_seconds", int, float)),
    )


def _typed(item: Item, name: str, *types: type) -> Any:
    value = item.get(name)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        where = f"{item.get('pk', '')}/{item.get('sk', '')}"
        wanted = " or ".join(each.__name__ for each in types)
        raise InvalidInput(f"{where}: {name} must be {wanted}, not {value!r}", field=name)
    return value
