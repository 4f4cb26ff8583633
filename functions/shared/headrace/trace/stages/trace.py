"""Trace: flat spans become runs, rollups and, where one is set up, rows for SQL.

The walk: `functions/traces` → here → `wire.conventions` (what a span means) → `store_runs` (spans and the run they
make) → `roll_up` (services). A message is acknowledged when all of that is stored. Every step can be
repeated: chunks and rollups are known by what they hold, rows by the ids of spans.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson

from headrace import events
from headrace.errors import InvalidInput, TooLarge, Unavailable
from headrace.intake.wire.stored import decode_records
from headrace.observability import crash, emit, warn
from headrace.ports.bus import Bus, Message, Received
from headrace.ports.clock import Clock
from headrace.ports.span_archive import SpanArchive
from headrace.ports.table import Table
from headrace.trace.domain.rollups import Observation
from headrace.trace.domain.spans import Span
from headrace.trace.domain.tracing import Tracing, without_content
from headrace.trace.stages.names import Names
from headrace.trace.stages.roll_up import RollUp
from headrace.trace.stages.store_runs import StoreRuns
from headrace.trace.wire.conventions import normalize
from headrace.trace.wire.observations import decode_observation
from headrace.trace.wire.span_rows import encode_span_row


@dataclass(frozen=True, slots=True)
class TraceNeeds:
    """What tracing needs."""

    bus: Bus
    tracing: Callable[[str], Tracing]
    """`(project id)` -> how its traces are kept. May raise Unavailable."""
    telemetry: Table
    clock: Clock
    names: Names = field(default_factory=Names)
    archive: SpanArchive | None = None
    """Where spans go beside the table."""


@dataclass(slots=True)
class _Arrived:
    """What the messages of one project brought."""

    traces: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    observations: dict[str, list[Observation]] = field(default_factory=dict)
    """By the message, see `_mark`."""

    @property
    def spans(self) -> list[Span]:
        return [span for spans in self.traces.values() for span in spans]


def trace(messages: Sequence[Received], needs: TraceNeeds) -> list[str]:
    """Store what `messages` bring; return the ids of those that must come back.

    Raises:
        Unavailable: an engine is down; all of them must come back.
    """
    try:
        _trace(messages, needs)
    except Unavailable:
        raise
    except Exception:
        if len(messages) == 1:
            raise
        crash(events.EventSplit(messages=len(messages)))  # one of them is to blame; its neighbours are not
        return [message.id for message in messages if not _traced_alone(message, needs)]
    return []


def _traced_alone(message: Received, needs: TraceNeeds) -> bool:
    try:
        _trace([message], needs)
    except Exception:  # noqa: BLE001 - whatever it is: the message comes back, and in the end becomes a dead letter
        crash(events.MessageFailed(queue=message.queue, id=message.id))
        return False
    return True


def _trace(messages: Sequence[Received], needs: TraceNeeds) -> None:
    began = time.perf_counter()
    arrived: dict[str, _Arrived] = defaultdict(_Arrived)
    for message in messages:
        try:
            _read(message, arrived[message.attributes["project_id"]], needs)
        except (InvalidInput, TooLarge, KeyError) as damage:
            _bury(message, f"not a message of spans: {damage}", needs)
    for project_id, what in arrived.items():
        _store(project_id, what, needs)
        emit(
            events.Traced(
                project_id=project_id,
                traces=len(what.traces),
                spans=len(what.spans),
                seconds=time.perf_counter() - began,
            )
        )


def _read(message: Received, into: _Arrived, needs: TraceNeeds) -> None:
    """Add what one message holds, all of it or nothing."""
    tracing = needs.tracing(message.attributes["project_id"])
    records = decode_records(message.body, message.attributes)
    spans = [normalize(record, tracing.prices) for record in records]
    pairs = zip(records, spans, strict=True)
    into.observations[_mark(spans)] = [decode_observation(record, span) for record, span in pairs]
    for span in spans:
        into.traces[span.trace_id].append(span if tracing.capture_content else without_content(span))


def _mark(spans: Sequence[Span]) -> str:
    """Tells messages apart by the spans they hold: one that was sent twice, in whatever encoding, counts once."""
    return orjson.dumps([(span.trace_id, span.span_id, span.started_unix_nano) for span in spans]).decode()


def _store(project_id: str, what: _Arrived, needs: TraceNeeds) -> None:
    tracing: Tracing = needs.tracing(project_id)
    if needs.archive is not None:
        needs.archive.store(project_id, [encode_span_row(span) for span in what.spans])
    StoreRuns(project_id, needs.telemetry, needs.names, needs.clock, tracing.retention).store(what.traces)
    RollUp(project_id, needs.telemetry, needs.names, needs.clock, tracing.retention).add(what.observations)


def _bury(message: Received, reason: str, needs: TraceNeeds) -> None:
    needs.bus.dead_letter(message.queue, [Message(message.body, message.attributes)], reason)
    warn(events.DeadLetter(queue=message.queue, reason=reason))
