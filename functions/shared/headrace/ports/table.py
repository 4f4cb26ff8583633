"""Items under two keys: DynamoDB's honest subset, so that SQL imitates it and never the reverse."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Item = dict[str, Any]
"""`pk` and `sk`, optionally `gsi_pk` and `gsi_sk` for the secondary index and `expires_at` (whole seconds since 1970)
for time-to-live; besides any JSON values, integers exact to 38 digits, and bytes at the top level.

Keys are 1 to 512 bytes of UTF-8 without NUL. At most 400 KB in all; 32 levels of nesting, the innermost value being
one; no NaN, no infinity.
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of the stored item, all of it, for a write to happen."""

    exists: bool | None = None
    """True: there is an item. False: there is none. None: either."""
    equals: Mapping[str, Any] = field(default_factory=dict)
    """Top-level attributes that must have exactly these values (True is not 1); None asks for one that is absent."""


ANY = Condition()
ABSENT = Condition(exists=False)
PRESENT = Condition(exists=True)


@dataclass(frozen=True, slots=True)
class Put:
    """Write the whole item, replacing what is there."""

    item: Item
    condition: Condition = ANY


@dataclass(frozen=True, slots=True)
class Update:
    """Change some top-level attributes of an item; without an item there, start from an empty one."""

    pk: str
    sk: str
    set: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    """Counters; an absent one counts from zero. Atomic: concurrent additions are never lost."""
    remove: Sequence[str] = ()
    condition: Condition = ANY


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item; removing what is not there is no error unless the condition says so."""

    pk: str
    sk: str
    condition: Condition = ANY


@dataclass(frozen=True, slots=True)
class Range:
    """Items of one partition whose sort key starts with `prefix`, or else lies in `low` to `high`, both included."""

    pk: str
    prefix: str = ""
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some items in order of their sort key; `next_cursor` is None on the last page."""

    items: list[Item]
    next_cursor: str | None


class Table(Protocol):
    """One logical table. Reads by key are consistent with every write that returned before them.

    Every method raises Unavailable when the engine is down or throttles, InvalidInput (with `field`) or TooLarge for
    what no engine could store. An item whose `expires_at` has come is never returned and counts as absent, whether or
    not the engine has removed it yet.
    """

    def get(self, pk: str, sk: str) -> Item | None:
        """The item, or None."""
        ...

    def batch_get(self, keys: Sequence[tuple[str, str]]) -> list[Item]:
        """The items that exist among at most 100 `keys`, in no promised order."""
        ...

    def put(self, item: Item, condition: Condition = ANY) -> None:
        """Write `item`.

        Raises:
            Conflict: the condition did not hold.
        """
        ...

    def update(self, change: Update) -> Item:
        """Apply `change` and return the whole item after it.

        Raises:
            Conflict: the condition did not hold.
        """
        ...

    def delete(self, pk: str, sk: str, condition: Condition = ANY) -> None:
        """Remove the item.

        Raises:
            Conflict: the condition did not hold.
        """
        ...

    def query(
        self,
        range: Range,
        *,
        limit: int = 100,
        cursor: str | None = None,
        descending: bool = False,
        index: bool = False,
    ) -> Page:
        """Items of `range` in order of their sort key, at most `limit` (1 to 1000) of them, maybe fewer.

        With `index` the range is over `gsi_pk` and `gsi_sk`; the index may lag behind writes for a moment.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """
        ...

    def transact(self, writes: Sequence[Put | Update | Delete]) -> None:
        """Do all of at most 100 `writes`, each to another item and 4 MiB in all, or none of them.

        Raises:
            Conflict: a condition did not hold.
        """
        ...

    def ping(self) -> None:
        """Return when the engine answers."""
        ...


def pages_of(table: Table, range: Range, *, at_once: int = 1000, index: bool = False) -> Iterator[Sequence[Item]]:
    """All items of `range` in order of their sort key, at most `at_once` a page. Raises Unavailable as Table does."""
    cursor = None
    while True:
        page = table.query(range, limit=at_once, cursor=cursor, index=index)
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def items_of(table: Table, range: Range, *, index: bool = False) -> Iterator[Item]:
    """The same, one by one."""
    for page in pages_of(table, range, index=index):
        yield from page
