"""A change of configuration: what is read, what is written, its audit entry and what is wired afterwards, as a whole.

An operation says what it wants as a plan, and `Changes.make` carries it out:

    def plan(change: Change) -> Item:
        stored = change.read(pk, sk)
        check_version(stored, if_match)
        change.audit("pipeline.save", target)
        change.wire()
        return change.replace(stored, {...})

    changes.make(author, plan)

All writes are one transaction, and hold only as long as nobody has changed what they replace. Of two changes at once
one is planned anew, on what the other left. Each stored thing that is changed as a whole counts its versions, which
are the ETags of the API.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from headrace.errors import Conflict, PreconditionFailed
from headrace.ports.backoff import Backoff
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, Condition, Delete, Item, Put, Table, Update
from headrace.upkeep.operations.audit import entry_put
from headrace.upkeep.operations.needs import UpkeepNeeds
from headrace.upkeep.operations.reconcile import Write, wire_change

Made = TypeVar("Made")


class Author(Protocol):
    """Who changes which project: a call of the API is one."""

    @property
    def project_id(self) -> str:
        """The project that is changed."""
        ...

    @property
    def account_id(self) -> str:
        """Whose change the audit calls it."""
        ...

    @property
    def address(self) -> str:
        """Where that account called from; "" when it was on the machine itself."""
        ...


@dataclass(frozen=True, slots=True)
class Person:
    """An Author who does not come through the API."""

    project_id: str
    account_id: str
    address: str = ""


class Change:
    """One attempt: collects what its plan wants written. Nothing is written before the plan has ended."""

    def __init__(self, author: Author, config: Table, clock: Clock) -> None:
        self._author, self._config, self._clock = author, config, clock
        self.writes: list[Write] = []
        self.wires = False

    def read(self, pk: str, sk: str) -> Item | None:
        """What is stored there now."""
        return self._config.get(pk, sk)

    def replace(self, stored: Item | None, changed: Item) -> Item:
        """Write `changed`, whole, over `stored` (None: where nothing is yet) as its next version; the item then."""
        after = {**changed, "version": version_of(stored) + 1, "updated_unix_nano": self._clock.now_unix_nano()}
        self.writes.append(Put(after, unchanged(stored)))
        return after

    def update(self, stored: Item, values: Mapping[str, Any]) -> None:
        """Set some attributes of `stored`, as its next version."""
        self.writes.append(
            Update(stored["pk"], stored["sk"], set=values, add={"version": 1}, condition=unchanged(stored))
        )

    def remove(self, stored: Item) -> None:
        """Delete `stored`."""
        self.writes.append(Delete(stored["pk"], stored["sk"], unchanged(stored)))

    def write(self, write: Write) -> None:
        """Write something without a version of its own, under its own condition."""
        self.writes.append(write)

    def audit(self, action: str, target: str, detail: str = "") -> None:
        """Put on record what is done to a kind of thing (`sink.create`), and to which one; never a secret."""
        author = self._author
        self.writes.append(
            entry_put(author.project_id, author.account_id, action, target, self._clock, author.address, detail)
        )

    def wire(self) -> None:
        """Afterwards, bring the engine to what is stored of the project."""
        self.wires = True


class Changes:
    """Makes changes; one in a process."""

    def __init__(self, needs: UpkeepNeeds) -> None:
        self._needs = needs

    def make(self, author: Author, plan: Callable[[Change], Made]) -> Made:
        """Carry out what `plan` says of a fresh Change, again whenever it was overtaken; what `plan` returned.

        Raises:
            Unavailable: overtaken too often, or the table is down. An engine that is down is no error: it hears of
                the change from `reconcile`.
            HeadraceError: what `plan` raises; nothing was written then.
        """
        backoff = Backoff(self._needs.clock, "the project")
        while True:
            change = Change(author, self._needs.config, self._needs.clock)
            made = plan(change)
            try:
                self._commit(author.project_id, change)
            except Conflict:
                backoff.wait()
            else:
                return made

    def _commit(self, project_id: str, change: Change) -> None:
        if change.wires:
            wire_change(project_id, change.writes, self._needs)
        else:
            self._needs.config.transact(change.writes)


def version_of(item: Item | None) -> int:
    """How often the item was changed; 0 without an item."""
    return 0 if item is None else int(item.get("version", 0))


def check_version(item: Item | None, if_match: str | None) -> None:
    """Raises PreconditionFailed when `if_match` names another version than that of `item`."""
    if if_match is not None and if_match != str(version_of(item)):
        raise PreconditionFailed(f"it was changed by somebody else: it is at version {version_of(item)} now")


def unchanged(item: Item | None) -> Condition:
    """Holds as long as nobody has changed `item`; None: as long as there is none."""
    return ABSENT if item is None else Condition(exists=True, equals={"version": item.get("version")})
