"""What is left of a project that was deleted: it all goes."""

from headrace.ports.items import project_pk
from headrace.ports.table import Delete, Range, Table, pages_of
from headrace.upkeep.operations.needs import UpkeepNeeds
from headrace.upkeep.wire.items import PROJECT

_AT_ONCE = 25
"""Items of 400 KB may be among them, and an engine's transaction holds a few megabytes."""


def erase_project(project_id: str, needs: UpkeepNeeds) -> None:
    """Remove all that belongs to a project but its own item. Safe to repeat, and to run twice at once.

    Keys go first, so that nothing new is accepted; then subscriptions and queues with their messages, then the rest.

    Raises:
        Unavailable: an engine is down; what was removed so far stays so.
    """
    for revoke in needs.revokers:
        revoke(project_id)
    needs.wiring.reconcile(project_id, [])
    places = Range(project_pk(project_id))
    erase(places, needs.config)
    erase(places, needs.telemetry)
    for erase_more in needs.erasers:
        erase_more(project_id)


def erase(places: Range, table: Table, *, index: bool = False) -> None:
    """Remove all items of `places`, but for a project's own: it says that the project is being deleted, and goes last.

    Raises:
        Unavailable: the table is down; what was removed so far stays so.
    """
    for page in pages_of(table, places, at_once=_AT_ONCE, index=index):
        table.transact([Delete(item["pk"], item["sk"]) for item in page if item["sk"] != PROJECT])
