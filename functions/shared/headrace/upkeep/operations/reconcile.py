"""Wiring that survives interruption: a change says in its own transaction that the engine has yet to hear of it.

A change of configuration and a change of queues cannot be one transaction. So there are three steps:

1. in one transaction, the change and an *intent*: an item that names the project;
2. the engine is brought to what is stored of the project, or, when it was deleted, what is left of it is erased;
3. the intent is removed.

Who dies in between leaves the intent, and `reconcile`, which runs on a schedule, does steps 2 and 3. An intent does not
say what changed: what is stored when it is worked on counts, so repeating and overtaking do no harm.

An intent is leased as messages are: whoever works on it has LEASE, longer than any function may run; then it is due
for `reconcile`. Each change has an intent of its own, which nobody else's success removes.

When a project's own item is gone too, its intent stays for AFTERMATH, and everything is erased once more. Calls that
were under way may have counted records, saved a sink or wired queues behind the back of the deletion, and an index
that lags may have hidden a key.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import uuid4

from headrace import events
from headrace.errors import Conflict, Unavailable
from headrace.observability import crash, emit, warn
from headrace.ports.items import project_pk
from headrace.ports.table import ABSENT, PRESENT, Condition, Delete, Item, Put, Range, Update, items_of
from headrace.times import nanoseconds
from headrace.upkeep.operations.erase import erase_project
from headrace.upkeep.operations.needs import UpkeepNeeds
from headrace.upkeep.operations.wiring import wire_project
from headrace.upkeep.wire import items

LEASE = timedelta(minutes=1)
AFTERMATH = timedelta(hours=1)

Write = Put | Update | Delete


def wire_change(project_id: str, writes: Sequence[Write], needs: UpkeepNeeds) -> None:
    """Do `writes` (at most 99) and note an intent in one transaction, then bring the engine to what is stored.

    For every change after which a project's queues may have to be others. When the engine is down, the change is made
    all the same, and the engine hears of it from `reconcile`.

    Raises:
        Conflict: a condition of `writes` did not hold; nothing was done.
        Unavailable: the table is down.
    """
    intent = _intent(project_id, needs)
    needs.config.transact([*writes, Put(intent, ABSENT)])
    try:
        _settle(intent, needs)
    except Unavailable as problem:
        warn(events.WiringPostponed(project_id=project_id, reason=str(problem)))


def reconcile(needs: UpkeepNeeds) -> int:
    """Work off every intent that is due; return how many were settled. Safe to repeat, and to run twice at once.

    One that fails is told about and stays, for the next time.

    Raises:
        Unavailable: the table cannot be read.
    """
    return sum(_try_to_settle(intent, needs) for intent in _due(needs))


def _intent(project_id: str, needs: UpkeepNeeds) -> Item:
    return {
        "pk": items.INTENT,
        "sk": f"{project_id}#{uuid4().hex}",
        "project_id": project_id,
        "due_unix_nano": _from_now(LEASE, needs),
    }


def _due(needs: UpkeepNeeds) -> Iterator[Item]:
    for intent in items_of(needs.config, Range(items.INTENT)):
        if intent["due_unix_nano"] <= needs.clock.now_unix_nano():
            yield intent


def _try_to_settle(intent: Item, needs: UpkeepNeeds) -> bool:
    due = _from_now(LEASE, needs)
    claim = Update(intent["pk"], intent["sk"], set={"due_unix_nano": due}, condition=_still(intent))
    try:
        claimed = needs.config.update(claim)
    except Conflict:
        return False  # somebody else is at it
    try:
        _settle(claimed, needs)
    except Exception:  # noqa: BLE001 - one project's trouble must not hold up the others
        crash(events.ReconcileFailed(project_id=intent["project_id"]))
        return False
    return True


def _settle(intent: Item, needs: UpkeepNeeds) -> None:
    project_id = intent["project_id"]
    if items.is_live(needs.config.get(project_pk(project_id), items.PROJECT)):
        wire_project(project_id, needs)
        _remove(intent, needs)
        return
    erase_project(project_id, needs)
    try:
        needs.config.transact(
            [
                Delete(project_pk(project_id), items.PROJECT, PRESENT),
                Update(
                    intent["pk"],
                    intent["sk"],
                    set={"due_unix_nano": _from_now(AFTERMATH, needs)},
                    condition=_still(intent),
                ),
            ]
        )
        emit(events.ProjectErased(project_id=project_id))
    except Conflict:  # the project's item was gone before, so this was the aftermath, or an intent from before it
        _remove(intent, needs)


def _remove(intent: Item, needs: UpkeepNeeds) -> None:
    try:
        needs.config.delete(intent["pk"], intent["sk"], _still(intent))
    except Conflict:
        return  # the lease ran out, and somebody else is at it


def _still(intent: Item) -> Condition:
    """Holds as long as nobody else has leased the intent."""
    return Condition(exists=True, equals={"due_unix_nano": intent["due_unix_nano"]})


def _from_now(duration: timedelta, needs: UpkeepNeeds) -> int:
    return needs.clock.now_unix_nano() + nanoseconds(duration)
