"""Select: filter and transform the records of raw messages; decide about those on which an expression fails.

A request that is still on the wire is filtered there, as far as the filter is known to read only what keys are made
of: each record's key is looked up among the verdicts, and the engine is asked only for keys that are new, with records
that hold no more than the filter reads. Only what is kept becomes flat records. Every other program, and every
message of flat records, takes the plain way: all records, one after the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from headrace.intake.wire.envelope import Packed, decode_array, encode_text, is_request
from headrace.intake.wire.otlp_view import Group
from headrace.intake.wire.reading import Reading, reading_of
from headrace.intake.wire.stored import StoredRequest, read_request
from headrace.ports.bus import Received
from headrace.ports.expressions import Expressions
from headrace.ports.program import Outcome, Program
from headrace.ports.records import Record
from headrace.route.domain.pipeline import Pipeline
from headrace.route.stages.verdicts import Filter, Verdict, Verdicts

Learnt = dict[tuple[bytes, Any], Verdict]
"""New verdicts, by both parts of their keys."""


@dataclass(slots=True)
class Selection:
    """What one message's records became."""

    kept: list[Record] = field(default_factory=list)
    """Fit for `orjson.dumps` only."""
    filtered: int = 0
    dropped: int = 0
    """Failed, and `on_error` is `drop`."""
    dead: list[tuple[Packed, str]] = field(default_factory=list)
    """Failed, and `on_error` is `dead_letter`: each as it came, as a message of its own, with the reason."""
    error: str | None = None
    """The last failure of an expression."""


def select(message: Received, pipeline: Pipeline, expressions: Expressions, verdicts: Verdicts) -> Selection:
    """Run the pipeline's program over the records of `message`.

    Raises:
        InvalidInput, TooLarge: the message cannot be read.
        Unavailable: no evaluator could be had.
    """
    if not is_request(message.attributes):
        return _of_array(message, pipeline, expressions)
    request = read_request(message.body, message.attributes)
    groups = list(request.groups())
    if request.signal not in pipeline.signals:
        return Selection(filtered=sum(len(group.records) for group in groups))
    return _OnTheWire(request, groups, pipeline, expressions, verdicts).select()


def _of_array(message: Received, pipeline: Pipeline, expressions: Expressions) -> Selection:
    records = decode_array(message.body, message.attributes)
    selection = Selection()
    if message.attributes.get("signal", "logs") not in pipeline.signals:
        selection.filtered = len(records)
    elif not pipeline.program.expressions:
        selection.kept = records
    else:
        for outcome in expressions.run(pipeline.program, records):
            if outcome.error is None:
                _add(selection, outcome)
            elif not _failed(selection, outcome.error, pipeline):
                alone = encode_text(orjson.dumps([outcome.record]))
                selection.dead.append((alone, outcome.error))
            elif pipeline.on_error == "forward":
                selection.kept.append(outcome.record)
    return selection


def _add(selection: Selection, outcome: Outcome) -> None:
    if outcome.kept:
        selection.kept.append(outcome.record)
    else:
        selection.filtered += 1


def _failed(selection: Selection, error: str, pipeline: Pipeline) -> bool:
    """Note a failure; False where the record becomes a dead letter."""
    selection.error = error
    selection.dropped += pipeline.on_error == "drop"
    return pipeline.on_error != "dead_letter"


class _OnTheWire:
    """One request, and what became of its records."""

    def __init__(
        self,
        request: StoredRequest,
        groups: Sequence[Group],
        pipeline: Pipeline,
        expressions: Expressions,
        verdicts: Verdicts,
    ) -> None:
        self._request, self._groups, self._pipeline = request, groups, pipeline
        self._expressions, self._verdicts = expressions, verdicts
        self._selection = Selection()

    def select(self) -> Selection:
        """Filter on the wire where that can be done; then run what is left of the program."""
        program = self._pipeline.program
        reading = self._reading(program.filter) if program.filter else None
        if program.filter is None or program.filter == "":
            wanted: Iterable[Sequence[Verdict] | None] = (None for _ in self._groups)
        elif reading is None:
            self._run(program, [(group, range(len(group.records))) for group in self._groups])
            return self._selection
        else:
            wanted = self._judged(program.filter, reading)
        kept = [(group, self._kept(group, verdicts)) for group, verdicts in zip(self._groups, wanted, strict=True)]
        if program.transforms:
            self._run(replace(program, filter=None), kept)
        else:
            for group, numbers in kept:
                self._selection.kept += self._flat(group, numbers, written=True)
        return self._selection

    def _reading(self, expression: str) -> Reading | None:
        paths = self._expressions.reads(expression)
        return None if paths is None else reading_of(self._request.signal, paths)

    def _judged(self, expression: str, reading: Reading) -> list[list[Verdict]]:
        """The filter's verdicts on all records, group by group; the engine is asked once for all that is new."""
        known = self._verdicts.of(self._request.signal, expression)
        keyed = [(reading.shared(group), reading.own(group.records)) for group in self._groups]
        verdicts = [known.groups.get(shared, {}) for shared, _ in keyed]
        new: dict[tuple[bytes, Any], Record] = {}
        for group, (shared, own), of_group in zip(self._groups, keyed, verdicts, strict=True):
            if set(own) <= of_group.keys():
                continue
            for key, record in zip(own, group.records, strict=True):
                if key not in of_group and (shared, key) not in new:
                    new[shared, key] = reading.shown(group, record)
        learnt = self._learn(expression, known, new) if new else {}
        return [
            [of_group.get(key) or learnt[shared, key] for key in own]
            for (shared, own), of_group in zip(keyed, verdicts, strict=True)
        ]

    def _learn(self, expression: str, known: Filter, new: Mapping[tuple[bytes, Any], Record]) -> Learnt:
        outcomes = self._expressions.run(Program(filter=expression), list(new.values()))
        return {
            (shared, own): self._verdicts.learn(known, shared, own, outcome)
            for (shared, own), outcome in zip(new, outcomes, strict=True)
        }

    def _kept(self, group: Group, verdicts: Sequence[Verdict] | None) -> Sequence[int]:
        """The numbers of the records that are kept; the others are accounted for."""
        if verdicts is None:
            return range(len(group.records))
        kept = [number for number, verdict in enumerate(verdicts) if verdict.kept]
        self._selection.filtered += len(verdicts) - len(kept)
        if any(verdict.error is not None for verdict in set(verdicts)):
            return self._with_failures(group, verdicts)
        return kept

    def _with_failures(self, group: Group, verdicts: Sequence[Verdict]) -> list[int]:
        kept = []
        for number, verdict in enumerate(verdicts):
            if verdict.error is None:
                kept += [number] * verdict.kept
                continue
            self._selection.filtered -= 1
            if self._fail(group, number, verdict.error):
                kept.append(number)
        return kept

    def _fail(self, group: Group, number: int, error: str) -> bool:
        """Account for a record on which an expression failed; whether it is kept as it came."""
        if not _failed(self._selection, error, self._pipeline):
            self._selection.dead.append((self._request.alone(group, number), error))
        return self._pipeline.on_error == "forward"

    def _run(self, program: Program, kept: Sequence[tuple[Group, Sequence[int]]]) -> None:
        """Run `program` over flat records with real objects in them."""
        for group, numbers in kept:
            records = self._flat(group, numbers, written=False)
            for number, outcome in zip(numbers, self._expressions.run(program, records), strict=True):
                if outcome.error is None:
                    _add(self._selection, outcome)
                elif self._fail(group, number, outcome.error):
                    self._selection.kept.append(outcome.record)

    def _flat(self, group: Group, numbers: Sequence[int], *, written: bool) -> list[Record]:
        records: Any = group.records
        chosen = records if len(numbers) == len(records) else [records[number] for number in numbers]
        return self._request.flat(group, chosen, written=written)
