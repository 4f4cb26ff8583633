"""Pipelines: checked when they are saved, so that what is stored can run."""

from typing import Any

from headrace.control.projects import wire_project
from headrace.domain.errors import InvalidExpression
from headrace.domain.pipeline import Pipeline
from headrace.domain.program import Program
from headrace.domain.queues import QueueNames
from headrace.ports.expressions import Expressions
from headrace.ports.table import Table
from headrace.ports.wiring import Wiring
from headrace.wire import items
from headrace.wire.api import PipelineIn, parse


def save_pipeline(
    project_id: str, body: Any, config: Table, wiring: Wiring, queues: QueueNames, expressions: Expressions
) -> Pipeline:
    """Store the pipeline that `body` describes (contract section 3) and start or stop consumption by it.

    Raises:
        InvalidInput: a field that is unknown, of the wrong type or out of bounds.
        InvalidExpression: an expression that cannot run.
    """
    pipeline = parse(PipelineIn, body).to_domain()
    check_expressions(pipeline.program, expressions)
    config.put(items.encode_pipeline(project_id, pipeline))
    wire_project(project_id, config, wiring, queues)
    return pipeline


def load_pipeline(project_id: str, config: Table) -> Pipeline:
    """The project's pipeline, the default one when it has none. Raises InvalidInput on a damaged item."""
    return items.decode_pipeline(config.get(items.project_pk(project_id), items.PIPELINE))


def check_expressions(program: Program, expressions: Expressions) -> None:
    """Raises InvalidExpression for the first expression that cannot run, with `field` naming it."""
    fields = ["filter"] if program.filter else []
    fields += [f"transforms.{index}.expression" for index in range(len(program.transforms))]
    for field, expression in zip(fields, program.expressions, strict=True):
        try:
            expressions.check(expression)
        except InvalidExpression as wrong:
            raise InvalidExpression(
                f"{field}: {wrong}", field=field, position=wrong.position, hint=wrong.hint
            ) from wrong
