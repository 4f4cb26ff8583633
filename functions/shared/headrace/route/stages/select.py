"""Select: filter and transform the records of raw messages; decide about those on which an expression fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from headrace.intake.wire.envelope import decode_records
from headrace.ports.bus import Received
from headrace.ports.expressions import Expressions
from headrace.ports.program import Outcome
from headrace.ports.records import Record
from headrace.route.domain.pipeline import Pipeline


@dataclass(slots=True)
class Selection:
    """What one message's records became."""

    kept: list[Record] = field(default_factory=list)
    filtered: int = 0
    dropped: int = 0
    """Failed, and `on_error` is `drop`."""
    dead: list[tuple[Record, str]] = field(default_factory=list)
    """Failed, and `on_error` is `dead_letter`; each with the reason."""
    error: str | None = None
    """The last failure of an expression."""


def select(message: Received, pipeline: Pipeline, expressions: Expressions) -> Selection:
    """Run the pipeline's program over the records of `message`.

    Raises:
        InvalidInput: the message cannot be read.
        Unavailable: no evaluator could be had.
    """
    records = decode_records(message.body, message.attributes)
    selection = Selection()
    if message.attributes.get("signal", "logs") not in pipeline.signals:
        selection.filtered = len(records)
    elif not pipeline.program.expressions:
        selection.kept = records
    else:
        _sort(expressions.run(pipeline.program, records), pipeline, selection)
    return selection


def _sort(outcomes: Sequence[Outcome], pipeline: Pipeline, selection: Selection) -> None:
    kept, filtered = selection.kept, 0
    for outcome in outcomes:
        if outcome.kept:
            kept.append(outcome.record)
        elif outcome.error is None:
            filtered += 1
        else:
            _failed(outcome, outcome.error, pipeline, selection)
    selection.filtered = filtered


def _failed(outcome: Outcome, error: str, pipeline: Pipeline, selection: Selection) -> None:
    selection.error = error
    if pipeline.on_error == "forward":
        selection.kept.append(outcome.record)
    elif pipeline.on_error == "dead_letter":
        selection.dead.append((outcome.record, error))
    else:
        selection.dropped += 1
