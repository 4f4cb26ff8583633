"""Stored items ↔ pipelines and sinks. What is remembered of deliveries is in `delivery_items`.

config table                                     pk               sk                 gsi_pk        gsi_sk
  pipeline                                       project#ID       pipeline
  sink                                           project#ID       sink#ID
  … a pipeline or sink that holds secrets                                            sealed        PK/SK
telemetry table
  health of a sink                               project#ID       health#SINK

Secrets are sealed before they come here and opened above: what is stored and what is read here is sealed.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import get_args

from headrace.errors import InvalidInput
from headrace.ports.items import among, damaged, positive, project_pk, sealed_keys, typed
from headrace.ports.program import OUTPUT_TYPES, Program, Transform
from headrace.ports.records import SIGNALS
from headrace.ports.secrets import OldSecret
from headrace.ports.table import Item
from headrace.route.domain.pipeline import OnError, Pipeline
from headrace.route.domain.sinks import Sink, SinkType

PIPELINE = "pipeline"
SINK_PREFIX, HEALTH_PREFIX = "sink#", "health#"


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
        **sealed_keys(project_pk(project_id), PIPELINE, holds_secrets=pipeline.signing_secret is not None),
    }


def decode_pipeline(item: Item | None) -> Pipeline:
    """The pipeline of an item; the default one when there is none.

    Raises:
        InvalidInput: the item is damaged; `field` says where.
    """
    if item is None:
        return Pipeline()
    return Pipeline(
        agent_endpoint=typed(item, "agent_endpoint", str, type(None)),
        enabled=typed(item, "enabled", bool),
        signals=tuple(among(SIGNALS, each, item, "signals") for each in typed(item, "signals", list)),
        program=Program(typed(item, "filter", str, type(None)), _decode_transforms(item)),
        on_error=among(get_args(OnError), item.get("on_error"), item, "on_error"),
        batch_size=positive(item, "batch_size", int),
        batch_window=timedelta(milliseconds=typed(item, "batch_window_ms", int)),
        timeout=timedelta(seconds=positive(item, "timeout_seconds", int, float)),
        max_concurrency=positive(item, "max_concurrency", int),
        signing_secret=typed(item, "signing_secret", str, type(None)),
        old_secrets=_decode_old_secrets(item),
    )


def _decode_transforms(item: Item) -> tuple[Transform, ...]:
    transforms = typed(item, "transforms", list)
    if not all(isinstance(each, dict) for each in transforms):
        raise InvalidInput(f"{item['pk']}/{item['sk']}: transforms must hold objects", field="transforms")
    return tuple(
        Transform(
            typed(each, "expression", str),
            typed(each, "output_name", str),
            among(OUTPUT_TYPES, each.get("output_type"), item, "output_type"),
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
        **sealed_keys(project_pk(project_id), SINK_PREFIX + sink.id, holds_secrets=bool(sink.secrets)),
    }


def decode_sink(item: Item) -> Sink:
    """The sink of an item.

    Raises:
        InvalidInput: the item is damaged; `field` says where.
    """
    return Sink(
        id=typed(item, "sk", str).removeprefix(SINK_PREFIX),
        type=among(get_args(SinkType), item.get("type"), item, "type"),
        url=typed(item, "url", str),
        name=typed(item, "name", str),
        enabled=typed(item, "enabled", bool),
        filter=typed(item, "filter", str, type(None)),
        template=typed(item, "template", str, type(None)),
        method=typed(item, "method", str),
        headers=typed(item, "headers", dict),
        signing_secret=typed(item, "signing_secret", str, type(None)),
        old_secrets=_decode_old_secrets(item),
        timeout=timedelta(seconds=positive(item, "timeout_seconds", int, float)),
    )


def encode_old_secrets(old: Iterable[OldSecret]) -> list[Item]:
    """How replaced signing secrets, sealed ones, stand in an item."""
    return [{"secret": each.secret, "until_unix_nano": each.until_unix_nano} for each in old]


def _decode_old_secrets(item: Item) -> tuple[OldSecret, ...]:
    """Items of before there were any have none."""
    stored = typed(item, "old_secrets", list) if item.get("old_secrets") is not None else []
    if not all(isinstance(each, dict) for each in stored):
        raise damaged(item, "old_secrets", "a list of objects", stored)
    return tuple(OldSecret(typed(each, "secret", str), typed(each, "until_unix_nano", int)) for each in stored)
