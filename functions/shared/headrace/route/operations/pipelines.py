"""Pipelines: checked when they are saved, so that what is stored can run."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from headrace.errors import HeadraceError, InvalidExpression, InvalidInput, Unavailable
from headrace.ports.expressions import Expressions
from headrace.ports.program import Program
from headrace.ports.sealing import seal
from headrace.ports.secrets import HIDDEN
from headrace.ports.table import PRESENT, Condition, Item, Put, Table, Update
from headrace.route.domain.pipeline import Pipeline
from headrace.route.operations.signing import rotate, store
from headrace.route.wire.pipeline_models import PipelineIn
from headrace.route.wire.signing_models import NewSecretIn, NewSecretOut
from headrace.upkeep.operations.ports import Ports
from headrace.upkeep.operations.reconcile import wire_change
from headrace.upkeep.operations.versions import change, version_of
from headrace.upkeep.wire import items


@dataclass(frozen=True, slots=True)
class StoredPipeline:
    """A pipeline as it is stored, its secret sealed."""

    pipeline: Pipeline
    version: int
    updated_unix_nano: int | None
    """None when nothing was ever stored."""


def save_pipeline(
    project_id: str, body: PipelineIn, ports: Ports, *, if_match: str | None = None, also: Sequence[Put] = ()
) -> StoredPipeline:
    """Store the pipeline that `body` describes, `also` in the same transaction, and start or stop consumption by it.

    Raises:
        InvalidExpression: an expression that cannot run.
        InvalidInput: a secret is to be kept that is not there, or nothing can be sent to the endpoint.
        PreconditionFailed: the stored one is not at version `if_match`.
    """
    wanted = body.to_domain()
    check_expressions(wanted.program, ports.expressions)
    if wanted.agent_endpoint is not None:
        _check_endpoint(wanted.agent_endpoint, ports)

    def write(item: Item | None, condition: Condition) -> Item:
        stored = None if item is None else item.get("signing_secret")
        sealed = wanted.with_secrets(lambda secret: seal(secret, stored, "signing_secret", ports.vault))
        if wanted.signing_secret == HIDDEN:
            sealed = replace(sealed, old_secrets=_decode(item).pipeline.old_secrets)
        changed = {
            **items.encode_pipeline(project_id, sealed),
            "version": version_of(item) + 1,
            "updated_unix_nano": ports.clock.now_unix_nano(),
        }
        wire_change(project_id, [Put(changed, condition), *also], ports)
        return changed

    changed = change(lambda: _read(project_id, ports.config), write, if_match)
    _forget_error(project_id, ports.telemetry)
    return _decode(changed)


def reset_pipeline(
    project_id: str, ports: Ports, *, if_match: str | None = None, also: Sequence[Put] = ()
) -> StoredPipeline:
    """Put the defaults back: consumption stops, and the raw queue keeps its records.

    The item stays, so that versions go on counting: an old `If-Match` never fits a pipeline made later.
    """
    return save_pipeline(project_id, PipelineIn(), ports, if_match=if_match, also=also)


def rotate_pipeline_secret(
    project_id: str, wanted: NewSecretIn, ports: Ports, *, also: Sequence[Put] = ()
) -> NewSecretOut:
    """Let requests to the agent be signed with a new secret; the one of before signs too for a while.

    Raises:
        InvalidInput: the secret is none, or too many are valid already.
    """

    def write(item: Item | None, condition: Condition) -> NewSecretOut:
        pipeline = _decode(item).pipeline
        rotation = rotate(pipeline.signing_secret, pipeline.old_secrets, wanted, ports)
        changed = replace(pipeline, signing_secret=rotation.newest, old_secrets=rotation.old)
        store(item, items.encode_pipeline(project_id, changed), condition, ports, also)
        return rotation.told

    return change(lambda: _read(project_id, ports.config), write, None)


def end_old_pipeline_secrets(project_id: str, ports: Ports, *, also: Sequence[Put] = ()) -> None:
    """Let only the newest secret sign requests to the agent from now on."""

    def write(item: Item | None, condition: Condition) -> None:
        changed = replace(_decode(item).pipeline, old_secrets=())
        store(item, items.encode_pipeline(project_id, changed), condition, ports, also)

    change(lambda: _read(project_id, ports.config), write, None)


def load_stored(project_id: str, config: Table) -> StoredPipeline:
    """The project's pipeline, the default one when it has none. Raises Unavailable on a damaged item."""
    return _decode(_read(project_id, config))


def load_pipeline(project_id: str, config: Table) -> Pipeline:
    """The same without its version."""
    return load_stored(project_id, config).pipeline


def check_expressions(program: Program, expressions: Expressions) -> None:
    """Raises InvalidExpression for the first expression that cannot run, with `field` naming it."""
    fields = ["filter"] if program.filter else []
    fields += [f"transforms.{index}.expression" for index in range(len(program.transforms))]
    for field, expression in zip(fields, program.expressions, strict=True):
        check_expression(field, expression, expressions)


def check_expression(field: str, expression: str, expressions: Expressions) -> None:
    """Raises InvalidExpression, with `field`, for an expression that cannot run."""
    try:
        expressions.check(expression)
    except InvalidExpression as wrong:
        raise InvalidExpression(f"{field}: {wrong}", field=field, position=wrong.position, hint=wrong.hint) from wrong


def _check_endpoint(url: str, ports: Ports) -> None:
    try:
        ports.outbound.check(url)
    except InvalidInput as wrong:
        raise InvalidInput(f"agent_endpoint: {wrong}", field="agent_endpoint") from wrong


def _read(project_id: str, config: Table) -> Item | None:
    return config.get(items.project_pk(project_id), items.PIPELINE)


def _decode(item: Item | None) -> StoredPipeline:
    try:
        pipeline = items.decode_pipeline(item)
    except InvalidInput as damage:
        raise Unavailable(f"the stored pipeline is damaged, save it again: {damage}") from damage
    return StoredPipeline(pipeline, version_of(item), None if item is None else item.get("updated_unix_nano"))


def _forget_error(project_id: str, telemetry: Table) -> None:
    """The last failure of an expression says nothing about new ones. Not worth failing for."""
    with suppress(HeadraceError):
        forget = Update(items.project_pk(project_id), items.COUNTERS, remove=("filter_error",), condition=PRESENT)
        telemetry.update(forget)
