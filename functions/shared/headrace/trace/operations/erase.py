"""What is stored of the runs of a project that was deleted: it all goes."""

from headrace.ports.span_archive import SpanArchive
from headrace.ports.table import Range, Table, items_of
from headrace.trace.wire import run_items
from headrace.upkeep.operations.erase import erase


def erase_runs(project_id: str, telemetry: Table, archive: SpanArchive | None) -> None:
    """Remove runs, spans and rollups; what can be found only by an entry goes before the entry. Safe to repeat.

    Raises:
        Unavailable: an engine is down; what was removed so far stays so.
    """
    for prefix in (run_items.TIME_PREFIX, run_items.DEFINITION_PREFIX):
        for entry in items_of(telemetry, Range(run_items.runs_pk(project_id), prefix=prefix)):
            trace_id = run_items.decode_entry(entry)["trace_id"]
            erase(Range(run_items.trace_pk(project_id, trace_id)), telemetry)
    for service in items_of(telemetry, Range(run_items.services_pk(project_id))):
        erase(Range(run_items.rollup_pk(project_id, service["name"])), telemetry)
    for partition in (run_items.runs_pk, run_items.agents_pk, run_items.services_pk, run_items.rolled_pk):
        erase(Range(partition(project_id)), telemetry)
    if archive is not None:
        archive.erase(project_id)
