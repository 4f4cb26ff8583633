"""How a project's traces are kept."""

from collections.abc import Sequence

from headrace.errors import InvalidInput, Unavailable
from headrace.ports.table import Put, Table
from headrace.trace.domain.tracing import Tracing
from headrace.upkeep.operations.ports import Ports
from headrace.upkeep.wire import items


def load_tracing(project_id: str, config: Table) -> Tracing:
    """As it is stored, or as by default. Raises Unavailable on a damaged item."""
    try:
        return items.decode_tracing(config.get(items.project_pk(project_id), items.TRACING))
    except InvalidInput as damage:
        raise Unavailable(f"it is damaged, save it again: {damage}") from damage


def save_tracing(project_id: str, tracing: Tracing, ports: Ports, also: Sequence[Put]) -> None:
    """Store it, `also` in the same transaction."""
    ports.config.transact([Put(items.encode_tracing(project_id, tracing)), *also])
