"""Changes that nobody loses: each stored pipeline and sink counts its versions, and a write names the one it changes.

The version is the ETag of the API. A change with `If-Match` happens only to that version; one without it happens to
whatever is there, never to half of it.
"""

from collections.abc import Callable
from typing import TypeVar

from headrace.errors import Conflict, PreconditionFailed, Unavailable
from headrace.ports.table import ABSENT, Condition, Item

Made = TypeVar("Made")

_ATTEMPTS = 20
"""Each of them was overtaken by somebody else's change that did happen."""


def version_of(item: Item | None) -> int:
    """How often the item was changed; 0 without an item."""
    return 0 if item is None else int(item.get("version", 0))


def change(
    read: Callable[[], Item | None], write: Callable[[Item | None, Condition], Made], if_match: str | None
) -> Made:
    """`write(item, condition)` on what `read` gives; `condition` holds as long as the item is that one.

    Raises:
        PreconditionFailed: `if_match` names another version than the one that is there.
        Unavailable: overtaken too often.
    """
    for _ in range(_ATTEMPTS):
        item = read()
        if if_match is not None and if_match != str(version_of(item)):
            raise PreconditionFailed(f"it was changed by somebody else: it is at version {version_of(item)} now")
        try:
            return write(item, ABSENT if item is None else unchanged(item))
        except Conflict:
            continue
    raise Unavailable("others are changing it all the time")


def unchanged(item: Item) -> Condition:
    """Holds as long as nobody has changed `item`."""
    return Condition(exists=True, equals={"version": item.get("version")})
