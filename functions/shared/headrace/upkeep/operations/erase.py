"""What is left of a project that was deleted: it all goes."""

from headrace.ports.table import Delete, Item, Range, Table, items_of
from headrace.trace.wire import run_items
from headrace.upkeep.operations.ports import Upkeep
from headrace.upkeep.wire import items

_AT_ONCE = 25
"""Items of 400 KB may be among them, and an engine's transaction holds a few megabytes."""


def erase_project(project_id: str, ports: Upkeep) -> None:
    """Remove all that belongs to a project but its own item. Safe to repeat, and to run twice at once.

    Keys go first, so that nothing new is accepted; then subscriptions and queues with their messages, then the rest.

    Raises:
        Unavailable: an engine is down; what was removed so far stays so.
    """
    pk = items.project_pk(project_id)
    _erase(Range(pk, prefix=items.KEY_PREFIX), ports.config, index=True)
    ports.wiring.reconcile(project_id, [])
    _erase(Range(pk), ports.config)
    _erase(Range(pk), ports.telemetry)
    _erase_runs(project_id, ports.telemetry)
    if ports.archive is not None:
        ports.archive.erase(project_id)


def _erase_runs(project_id: str, telemetry: Table) -> None:
    """What can be found only by an entry goes before the entry."""
    for prefix in (run_items.TIME_PREFIX, run_items.DEFINITION_PREFIX):
        for entry in items_of(telemetry, Range(run_items.runs_pk(project_id), prefix=prefix)):
            trace_id = run_items.decode_entry(entry)["trace_id"]
            _erase(Range(run_items.trace_pk(project_id, trace_id)), telemetry)
    for service in items_of(telemetry, Range(run_items.services_pk(project_id))):
        _erase(Range(run_items.rollup_pk(project_id, service["name"])), telemetry)
    for partition in (run_items.runs_pk, run_items.agents_pk, run_items.services_pk, run_items.rolled_pk):
        _erase(Range(partition(project_id)), telemetry)


def _erase(places: Range, table: Table, *, index: bool = False) -> None:
    cursor = None
    while True:
        page = table.query(places, limit=_AT_ONCE, cursor=cursor, index=index)
        table.transact([Delete(item["pk"], item["sk"]) for item in page.items if not _is_project(item)])
        cursor = page.next_cursor
        if cursor is None:
            return


def _is_project(item: Item) -> bool:
    """The item that says that the project is being deleted: it goes last, with `upkeep.operations.reconcile`."""
    return bool(item["sk"] == items.PROJECT)
