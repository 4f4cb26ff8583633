"""Sinks: where a project's outputs go."""

from typing import Any
from uuid import uuid4

from headrace.domain.errors import InvalidExpression
from headrace.domain.sinks import Sink
from headrace.ports.expressions import Expressions
from headrace.ports.table import ABSENT, Range, Table
from headrace.wire import items
from headrace.wire.api import SinkIn, parse


def add_sink(project_id: str, body: Any, config: Table, expressions: Expressions) -> Sink:
    """Store the sink that `body` describes (contract section 6).

    Raises:
        InvalidInput: a field that is unknown, of the wrong type or out of bounds.
        InvalidExpression: an expression that cannot run.
    """
    sink = parse(SinkIn, {"sink": body}).sink.to_domain(uuid4().hex)
    for field, expression in (("filter", sink.filter), ("template", sink.template)):
        if expression is not None:
            _check(field, expression, expressions)
    config.put(items.encode_sink(project_id, sink), ABSENT)
    return sink


def list_sinks(project_id: str, config: Table) -> list[Sink]:
    """All sinks of a project, disabled ones too. Raises InvalidInput on a damaged item."""
    page = config.query(Range(items.project_pk(project_id), prefix=items.SINK_PREFIX), limit=1000)
    return [items.decode_sink(item) for item in page.items]


def _check(field: str, expression: str, expressions: Expressions) -> None:
    try:
        expressions.check(expression)
    except InvalidExpression as wrong:
        raise InvalidExpression(f"{field}: {wrong}", field=field, position=wrong.position, hint=wrong.hint) from wrong
