"""How a project's traces are kept."""

from headrace.ports.items import mendable, project_pk
from headrace.ports.table import Put, Table
from headrace.trace.domain.tracing import Tracing
from headrace.trace.operations.needs import RunsNeeds
from headrace.trace.wire.tracing_items import TRACING, decode_tracing, encode_tracing
from headrace.upkeep.operations.change import Author, Change


def load_tracing(project_id: str, config: Table) -> Tracing:
    """As it is stored, or as by default. Raises Unavailable, also on a damaged item."""
    item = config.get(project_pk(project_id), TRACING)
    with mendable("how traces are kept"):
        return decode_tracing(item)


def save_tracing(author: Author, tracing: Tracing, needs: RunsNeeds) -> None:
    """Store it whole, over whatever is there."""

    def plan(change: Change) -> None:
        change.write(Put(encode_tracing(author.project_id, tracing)))
        change.audit("tracing.save", author.project_id)

    needs.changes.make(author, plan)
