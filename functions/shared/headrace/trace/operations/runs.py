"""Runs: found by their entries in the index, shown from what is stored of them. Layout: `trace.wire.run_items`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace.api.models import unix_nano
from headrace.errors import InvalidInput, NotFound
from headrace.ports.table import Item, Range, Table, items_of
from headrace.times import nanoseconds
from headrace.trace.domain.rollups import bucket_of, quantile_ms
from headrace.trace.domain.runs import Run, RunStatus, assemble
from headrace.trace.domain.spans import Span
from headrace.trace.domain.tracing import IDLE
from headrace.trace.operations.needs import RunsNeeds
from headrace.trace.wire import run_items
from headrace.trace.wire.figure_models import AgentFiguresOut
from headrace.trace.wire.run_items import OPEN, Place
from headrace.trace.wire.run_models import RunsIn
from headrace.trace.wire.span_chunks import decode_chunk

_LOOKED_AT = 5_000
"""Entries that one call looks at; where they do not fill the page, the cursor goes on from there."""
_AGENT_RUNS = 10_000
_SPAN_RUNS = 1_000
_AT_ONCE = 100
_FAR = 10**19 - 1


@dataclass(frozen=True, slots=True)
class _Window:
    after: int
    before: int


def list_runs(project_id: str, query: RunsIn, needs: RunsNeeds) -> tuple[list[dict[str, Any]], str | None]:
    """Some runs in the shape of contract section 10, newest first, and the cursor of the next page.

    Fewer than asked for may come before the last page: entries that no filter keeps are looked at in bounded numbers.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    now = needs.clock.now_unix_nano()
    place = _place(query)
    window = _Window(unix_nano(query.since, 0), _end(query, place))
    found: list[Item] = []
    cursor = None
    for looked, entry in enumerate(_entries(project_id, place, window, needs.telemetry, query.cursor), 1):
        if _kept(entry, query, now):
            found.append(entry)
        if len(found) == query.limit or looked == _LOOKED_AT:
            cursor = str(entry["sk"])
            break
    runs = _runs(project_id, [entry["trace_id"] for entry in found], needs.telemetry)
    shown = [{**runs[each["trace_id"]], "status": status_of(each, now)} for each in found if each["trace_id"] in runs]
    return shown, cursor


def load_run(project_id: str, trace_id: str, needs: RunsNeeds) -> tuple[Run, list[Span]]:
    """A run as its spans tell it now, and the spans, in the order of their start, each once.

    Raises:
        NotFound: no span of this trace is stored.
    """
    items = list(items_of(needs.telemetry, Range(run_items.trace_pk(project_id, trace_id))))
    stored = next((item for item in items if item["sk"] == run_items.RUN), None)
    if stored is None:
        raise NotFound("there is no run of this trace")
    spans = [span for item in items if item is not stored for span in decode_chunk(item["data"])]
    run = assemble(spans, needs.clock.now_unix_nano(), stored["last_seen_unix_nano"], IDLE)
    once = {span.span_id: span for span in spans}
    return run, sorted(once.values(), key=lambda span: span.started_unix_nano)


def find_span(project_id: str, span_id: str, trace_id: str | None, needs: RunsNeeds) -> tuple[Run, list[Span], Span]:
    """A span, with its run and all of the run's spans. Without a trace id the latest runs are looked through.

    Raises:
        NotFound: it is not there.
    """
    for candidate in [trace_id] if trace_id else _traces_with(project_id, span_id, needs):
        run, spans = load_run(project_id, candidate, needs)
        for span in spans:
            if span.span_id == span_id:
                return run, spans, span
    raise NotFound(f"there is no such span in {'this trace' if trace_id else f'the latest {_SPAN_RUNS} runs'}")


def agent_figures(project_id: str, since: int, until: int, needs: RunsNeeds) -> list[AgentFiguresOut]:
    """How each agent did in the runs that started in a window, in nanoseconds since 1970; most runs first."""
    window = _Window(since, until)
    names = [item["name"] for item in items_of(needs.telemetry, Range(run_items.agents_pk(project_id)))]
    figures = [_figures(project_id, name, window, needs.telemetry) for name in names]
    return sorted((each for each in figures if each.runs), key=lambda each: (-each.runs, each.name))


def status_of(entry: Item, now_unix_nano: int) -> RunStatus:
    """The status of a run at the time one looks."""
    if entry["status"] != OPEN:
        status: RunStatus = entry["status"]
        return status
    idle_ns = nanoseconds(IDLE)
    return "timed_out" if now_unix_nano - entry["last_seen_unix_nano"] > idle_ns else "running"


def _place(query: RunsIn) -> Place:
    """Where the fewest entries have to be looked at."""
    if query.session_id is not None:
        return Place("session", query.session_id)
    if query.user_id is not None:
        return Place("user", query.user_id)
    if query.error_type is not None and query.error_type != "none":
        return Place("error", query.error_type)
    if query.status is not None and query.status != "completed":
        return Place("status", query.status if query.status == "failed" else OPEN)
    return Place("time") if query.agent is None else Place("agent", query.agent)


def _end(query: RunsIn, place: Place) -> int:
    """The exclusive end of the window: where the page before ended, if there was one."""
    until = unix_nano(query.until, _FAR)
    if query.cursor is None:
        return until
    try:
        started = run_items.start_of(query.cursor)
    except (ValueError, IndexError):
        started = -1
    if started < 0 or not query.cursor.startswith(place.prefix):
        raise InvalidInput("cursor: not one that this list gave", field="cursor")
    return min(until, started + 1)


def _entries(project_id: str, place: Place, window: _Window, table: Table, after_sk: str | None) -> Iterator[Item]:
    """The entries at `place` in the window, newest first, beginning after the one at `after_sk`."""
    cursor = None
    low, high = run_items.time_bounds(place, window.after, window.before)
    places = Range(run_items.runs_pk(project_id), low=low, high=high)
    while True:
        page = table.query(places, limit=_AT_ONCE * 2, cursor=cursor, descending=True)
        yield from (run_items.decode_entry(each) for each in page.items if after_sk is None or each["sk"] < after_sk)
        cursor = page.next_cursor
        if cursor is None:
            return


def _kept(entry: Item, query: RunsIn, now: int) -> bool:
    """Whether all that the query asks for holds of an entry."""
    cost, duration = entry["cost_usd"] or 0, entry["duration_ms"]
    return (
        (query.status is None or status_of(entry, now) == query.status)
        and (query.error_type is None or query.error_type in entry["error_types"])
        and query.framework in (None, entry["framework"])
        and (query.agent is None or query.agent in entry["agents"])
        and (query.user_id is None or query.user_id in entry["users"])
        and (query.session_id is None or query.session_id in entry["sessions"])
        and (query.min_cost_usd is None or cost >= query.min_cost_usd)
        and (query.min_duration_ms is None or duration >= query.min_duration_ms)
    )


def _runs(project_id: str, trace_ids: list[str], table: Table) -> dict[str, dict[str, Any]]:
    """Stored runs by trace id; one that has just expired is missing."""
    keys = [(run_items.trace_pk(project_id, trace_id), run_items.RUN) for trace_id in dict.fromkeys(trace_ids)]
    found = [
        item for start in range(0, len(keys), _AT_ONCE) for item in table.batch_get(keys[start : start + _AT_ONCE])
    ]
    runs = (run_items.decode_run(item) for item in found)
    return {run["trace_id"]: run for run in runs}


def _traces_with(project_id: str, span_id: str, needs: RunsNeeds) -> Iterator[str]:
    """Traces among the latest that may hold a span, by the ids that are kept with their runs."""
    try:
        wanted = bytes.fromhex(span_id)
    except ValueError:
        return
    entries = _entries(project_id, Place("time"), _Window(0, _FAR), needs.telemetry, None)
    latest = [entry["trace_id"] for entry, _ in zip(entries, range(_SPAN_RUNS), strict=False)]
    for start in range(0, len(latest), _AT_ONCE):
        keys = [(run_items.trace_pk(project_id, each), run_items.RUN) for each in latest[start : start + _AT_ONCE]]
        for item in needs.telemetry.batch_get(keys):
            if wanted in item["span_ids"]:
                yield item["pk"].rpartition("#")[2]


def _figures(project_id: str, name: str, window: _Window, table: Table) -> AgentFiguresOut:
    sums: Counter[str] = Counter()
    durations: Counter[int] = Counter()
    cost, role, complete = 0.0, "", True
    for entry in _entries(project_id, Place("agent", name), window, table, None):
        if sums["runs"] == _AGENT_RUNS:
            complete = False
            break
        sums.update(runs=1, failures=entry["status"] == "failed")
        sums.update({each: entry[f"agent_{each}"] for each in _SUMMED})
        cost += entry["agent_cost_usd"]
        role = role or entry["agent_role"]
        durations[bucket_of(round(entry["agent_duration_ms"] * 1e6))] += 1
    return AgentFiguresOut(
        name=name,
        role=role,
        cost_usd=round(cost, 6),
        complete=complete,
        duration_ms_p50=quantile_ms(durations, 0.5),
        duration_ms_p95=quantile_ms(durations, 0.95),
        duration_ms_p99=quantile_ms(durations, 0.99),
        **{each: sums[each] for each in ("runs", "failures", *_SUMMED)},
    )


_SUMMED = ("errors", "llm_calls", "tool_calls", "input_tokens", "output_tokens")
