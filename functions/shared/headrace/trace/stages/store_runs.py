"""Store the spans of traces in chunks, and the run that all spans of a trace make.

One trace, one read and one transaction: its new chunks, its run and the run's entries in the index. The run's version
is its lock: when another invocation has stored spans of the same trace in between, the transaction fails and is
planned anew with those spans in view. Traces that nobody contends for share a transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any

from headrace import events
from headrace.errors import Conflict
from headrace.observability import warn
from headrace.ports.backoff import Backoff
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, ANY, Condition, Delete, Item, Put, Range, Table, items_of
from headrace.times import expiry, unix_seconds
from headrace.trace.domain.runs import Run, assemble
from headrace.trace.domain.spans import Span
from headrace.trace.domain.tracing import IDLE
from headrace.trace.stages.names import Names
from headrace.trace.wire import run_items
from headrace.trace.wire.runs import encode_run
from headrace.trace.wire.span_chunks import chunk_id, decode_chunk, encode_chunks

_WRITES, _BYTES = 100, 2 * 1024 * 1024
"""Of one transaction."""
_SPANS = 20_000
"""Of a trace, that its run is made of."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What storing one trace takes."""

    trace_id: str
    run: Run
    writes: list[Put | Delete]
    size_bytes: int
    clearing: list[Put | Delete]
    """Goes before, where all of it does not fit one transaction: a run that began earlier than it seemed moves in the
    index. A crash between the two leaves it out of the index until its message comes back."""


class StoreRuns:
    """Stores what came of some traces of one project."""

    def __init__(self, project_id: str, telemetry: Table, names: Names, clock: Clock, retention: timedelta) -> None:
        self._project_id, self._telemetry, self._names = project_id, telemetry, names
        self._clock, self._now = clock, clock.now_unix_nano()
        self._expires_at = expiry(self._now, retention)

    def store(self, traces: Mapping[str, Sequence[Span]]) -> None:
        """Store the spans of `traces`, by trace id, and the runs that they make with those that are there already.

        Raises:
            Unavailable: some may be stored; storing all of them again is safe.
        """
        known = self._known(list(traces))
        plans = [
            plan
            for trace_id, spans in traces.items()
            if (plan := self._plan(trace_id, spans, is_new=trace_id not in known)) is not None
        ]
        for group in _groups(plans):
            try:
                self._carry_out(group)
            except Conflict:
                for plan in group:
                    self._store_alone(plan.trace_id, traces[plan.trace_id])
        agents = {agent.name for plan in plans for agent in plan.run.agents}
        pk = run_items.agents_pk(self._project_id)
        self._names.enter(pk, agents, self._telemetry, unix_seconds(self._now), self._expires_at)

    def _store_alone(self, trace_id: str, spans: Sequence[Span]) -> None:
        backoff = Backoff(self._clock, f"the trace {trace_id}")
        while (plan := self._plan(trace_id, spans)) is not None:
            try:
                self._carry_out([plan])
            except Conflict:
                backoff.wait()
            else:
                return

    def _carry_out(self, plans: Sequence[_Plan]) -> None:
        for clearing in filter(None, (plan.clearing for plan in plans)):
            self._telemetry.transact(clearing)
        self._telemetry.transact([write for plan in plans for write in plan.writes])

    def _known(self, trace_ids: Sequence[str]) -> set[str]:
        """Those of which there is a run: most are new, and need no look at their spans."""
        keys = [(run_items.trace_pk(self._project_id, each), run_items.RUN) for each in trace_ids]
        pages = (self._telemetry.batch_get(keys[start : start + _WRITES]) for start in range(0, len(keys), _WRITES))
        return {item["pk"].rpartition("#")[2] for page in pages for item in page}

    def _plan(self, trace_id: str, spans: Sequence[Span], *, is_new: bool = False) -> _Plan | None:
        """None when all of them are stored already."""
        pk = run_items.trace_pk(self._project_id, trace_id)
        stored = {} if is_new else {item["sk"]: item for item in items_of(self._telemetry, Range(pk))}
        before = stored.pop(run_items.RUN, None)
        chunks = {run_items.CHUNK_PREFIX + chunk_id(chunk): chunk for chunk in encode_chunks(spans)}
        new = {sk: chunk for sk, chunk in chunks.items() if sk not in stored}
        if not new and before is not None:
            return None
        known = [span for item in stored.values() for span in _spans_of(item)]
        run = assemble([*known, *spans][:_SPANS], self._now, self._now, IDLE)
        puts = [self._put(pk, sk, {"data": chunk}) for sk, chunk in new.items()]
        ids = dict.fromkeys(span.span_id for span in chain(known, spans))
        fields = run_items.encode_run_fields(encode_run(run), ids) | {"last_seen_unix_nano": self._now}
        entries = run_items.encode_entries(self._project_id, run, self._now, self._expires_at)
        gone = self._removals(before, entries)
        clearing: list[Put | Delete] = []
        if before is not None and len(puts) + 1 + len(entries) + len(gone) > _WRITES:
            left = [sk for sk in before["entries"] if sk in entries]
            cleared = self._run_put(pk, {**before, "entries": left}, before)
            clearing, gone, before = [cleared, *gone], [], cleared.item
        the_run = self._run_put(pk, {**fields, "entries": list(entries)}, before)
        writes: list[Put | Delete] = [*puts, the_run, *map(Put, entries.values()), *gone]
        return _Plan(trace_id, run, writes, sum(map(len, new.values())), clearing)

    def _removals(self, before: Item | None, entries: Mapping[str, Item]) -> list[Delete]:
        gone = set() if before is None else set(before["entries"]) - set(entries)
        return [Delete(run_items.runs_pk(self._project_id), sk) for sk in sorted(gone)]

    def _run_put(self, pk: str, fields: Item, before: Item | None) -> Put:
        """The run after `before`, if nobody else has stored one since."""
        if before is None:
            return self._put(pk, run_items.RUN, {**fields, "version": 1}, ABSENT)
        condition = Condition(exists=True, equals={"version": before["version"]})
        return self._put(pk, run_items.RUN, {**fields, "version": before["version"] + 1}, condition)

    def _put(self, pk: str, sk: str, fields: Mapping[str, Any], condition: Condition = ANY) -> Put:
        return Put({"pk": pk, "sk": sk, "expires_at": self._expires_at, **fields}, condition)


def _groups(plans: Sequence[_Plan]) -> Iterator[list[_Plan]]:
    """Plans that fit one transaction together."""
    group: list[_Plan] = []
    writes = size = 0
    for plan in plans:
        if group and (writes + len(plan.writes) > _WRITES or size + plan.size_bytes > _BYTES):
            yield group
            group, writes, size = [], 0, 0
        group.append(plan)
        writes, size = writes + len(plan.writes), size + plan.size_bytes
    if group:
        yield group


def _spans_of(item: Item) -> list[Span]:
    try:
        return decode_chunk(item["data"])
    except ValueError as damage:
        warn(events.ChunkDamaged(pk=item["pk"], sk=item["sk"], reason=str(damage)))
        return []
