"""What the items of all capabilities share: the partition of a project, the index of secrets, and reading damage.

Each capability keeps the layout of its own items and says it in its module docstring: `teams.wire.items`,
`upkeep.wire.items`, `intake.wire.items`, `route.wire.items`, `route.wire.delivery_items`, `trace.wire.tracing_items`,
`trace.wire.run_items`. There are two tables: config, kept for ever, and telemetry, which expires.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from headrace.errors import InvalidInput, Unavailable
from headrace.ports.table import Item

PROJECT_PREFIX = "project#"
SEALED = "sealed"
"""Index partition of everything that holds secrets, so that keys can be rotated without looking at the rest."""


def project_pk(project_id: str) -> str:
    """Partition of what belongs to a project, in either table."""
    return PROJECT_PREFIX + project_id


def sealed_keys(pk: str, sk: str, *, holds_secrets: bool) -> Item:
    """The index keys of an item: `SEALED`, `PK/SK` if it holds secrets, none if not."""
    return {"gsi_pk": SEALED, "gsi_sk": f"{pk}/{sk}"} if holds_secrets else {}


def typed(item: Item, name: str, *types: type) -> Any:
    """The attribute `name` of `item`, of one of `types`; a bool is no int. Raises InvalidInput as `damaged`."""
    value = item.get(name)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise damaged(item, name, " or ".join(each.__name__ for each in types), value)
    return value


def positive(item: Item, name: str, *types: type) -> Any:
    """The same, of a number above 0."""
    value = typed(item, name, *types)
    if value <= 0:
        raise damaged(item, name, "above 0", value)
    return value


def among(allowed: Collection[str], value: Any, item: Item, name: str) -> Any:
    """`value`, which `item` holds under `name`, if it is allowed. Raises InvalidInput as `damaged`."""
    if value not in allowed:
        raise damaged(item, name, " or ".join(allowed), value)
    return value


def damaged(item: Item, name: str, wanted: str, value: Any) -> InvalidInput:
    """The error of an item that does not hold what it should; `field` is `name`."""
    where = f"{item.get('pk', '')}/{item.get('sk', '')}"
    return InvalidInput(f"{where}: {name} must be {wanted}, not {value!r}", field=name)


@contextmanager
def mendable(what: str) -> Iterator[None]:
    """What is damaged in the tables is nothing that a caller could help: InvalidInput becomes Unavailable.

    So messages wait for the repair. `what` begins the message: "the stored pipeline".
    """
    try:
        yield
    except InvalidInput as damage:
        raise Unavailable(f"{what} is damaged, save it again: {damage}") from damage
