"""Pipelines: checked when they are saved, so that what is stored can run."""

from contextlib import suppress
from dataclasses import dataclass, replace

from headrace.errors import HeadraceError, InvalidExpression, InvalidInput
from headrace.intake.wire.items import COUNTERS
from headrace.ports.expressions import Expressions
from headrace.ports.items import mendable, project_pk
from headrace.ports.program import Program
from headrace.ports.sealing import seal
from headrace.ports.secrets import HIDDEN
from headrace.ports.table import PRESENT, Item, Table, Update
from headrace.route.domain.pipeline import Pipeline
from headrace.route.operations.needs import RouteNeeds
from headrace.route.operations.signing import rotate
from headrace.route.wire import items
from headrace.route.wire.pipeline_models import PipelineIn
from headrace.route.wire.signing_models import NewSecretIn, NewSecretOut
from headrace.upkeep.operations.change import Author, Change, check_version, version_of


@dataclass(frozen=True, slots=True)
class StoredPipeline:
    """A pipeline as it is stored, its secret sealed."""

    pipeline: Pipeline
    version: int
    updated_unix_nano: int | None
    """None when nothing was ever stored."""


def save_pipeline(
    author: Author, body: PipelineIn, needs: RouteNeeds, *, if_match: str | None = None, action: str = "pipeline.save"
) -> StoredPipeline:
    """Store the pipeline that `body` describes, and start or stop consumption by it; the audit calls it `action`.

    Raises:
        InvalidExpression: an expression that cannot run.
        InvalidInput: a secret is to be kept that is not there, or nothing can be sent to the endpoint.
        PreconditionFailed: the stored one is not at version `if_match`.
    """
    wanted = body.to_domain()
    check_expressions(wanted.program, needs.expressions)
    if wanted.agent_endpoint is not None:
        _check_endpoint(wanted.agent_endpoint, needs)

    def plan(change: Change) -> Item:
        stored = change.read(*_key(author.project_id))
        check_version(stored, if_match)
        change.audit(action, author.project_id)
        change.wire()
        return change.replace(stored, items.encode_pipeline(author.project_id, _sealed(wanted, stored, needs)))

    changed = needs.changes.make(author, plan)
    _forget_error(author.project_id, needs.telemetry)
    return _decode(changed)


def reset_pipeline(author: Author, needs: RouteNeeds, *, if_match: str | None = None) -> StoredPipeline:
    """Put the defaults back: consumption stops, and the raw queue keeps its records.

    The item stays, so that versions go on counting: an old `If-Match` never fits a pipeline made later.
    """
    return save_pipeline(author, PipelineIn(), needs, if_match=if_match, action="pipeline.delete")


def rotate_pipeline_secret(author: Author, wanted: NewSecretIn, needs: RouteNeeds) -> NewSecretOut:
    """Let requests to the agent be signed with a new secret; the one of before signs too for a while.

    Raises:
        InvalidInput: the secret is none, or too many are valid already.
    """

    def plan(change: Change) -> NewSecretOut:
        stored = change.read(*_key(author.project_id))
        pipeline = _decode(stored).pipeline
        rotation = rotate(pipeline.signing_secret, pipeline.old_secrets, wanted, needs)
        changed = replace(pipeline, signing_secret=rotation.newest, old_secrets=rotation.old)
        change.replace(stored, items.encode_pipeline(author.project_id, changed))
        change.audit("pipeline.rotate_secret", author.project_id)
        return rotation.told

    return needs.changes.make(author, plan)


def end_old_pipeline_secrets(author: Author, needs: RouteNeeds) -> None:
    """Let only the newest secret sign requests to the agent from now on."""

    def plan(change: Change) -> None:
        stored = change.read(*_key(author.project_id))
        changed = replace(_decode(stored).pipeline, old_secrets=())
        change.replace(stored, items.encode_pipeline(author.project_id, changed))
        change.audit("pipeline.end_old_secrets", author.project_id)

    needs.changes.make(author, plan)


def load_stored(project_id: str, config: Table) -> StoredPipeline:
    """The project's pipeline, the default one when it has none. Raises Unavailable on a damaged item."""
    return _decode(config.get(*_key(project_id)))


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


def _check_endpoint(url: str, needs: RouteNeeds) -> None:
    try:
        needs.outbound.check(url)
    except InvalidInput as wrong:
        raise InvalidInput(f"agent_endpoint: {wrong}", field="agent_endpoint") from wrong


def _sealed(wanted: Pipeline, stored: Item | None, needs: RouteNeeds) -> Pipeline:
    """`wanted` as it may be stored; a secret that is shown as stars stays, with those that it followed."""
    kept = None if stored is None else stored.get("signing_secret")
    sealed = wanted.with_secrets(lambda secret: seal(secret, kept, "signing_secret", needs.vault))
    if wanted.signing_secret == HIDDEN:
        return replace(sealed, old_secrets=_decode(stored).pipeline.old_secrets)
    return sealed


def _key(project_id: str) -> tuple[str, str]:
    return project_pk(project_id), items.PIPELINE


def _decode(item: Item | None) -> StoredPipeline:
    with mendable("the stored pipeline"):
        pipeline = items.decode_pipeline(item)
    return StoredPipeline(pipeline, version_of(item), None if item is None else item.get("updated_unix_nano"))


def _forget_error(project_id: str, telemetry: Table) -> None:
    """The last failure of an expression says nothing about new ones. Not worth failing for."""
    with suppress(HeadraceError):
        forget = Update(project_pk(project_id), COUNTERS, remove=("filter_error",), condition=PRESENT)
        telemetry.update(forget)
