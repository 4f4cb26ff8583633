"""Projects: each has queues of its own, keys, members, one pipeline and some sinks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from headrace.api.roles import Role
from headrace.errors import Conflict, InvalidInput, NotFound, Unavailable
from headrace.ports.table import ABSENT, Condition, Item, Put, Range, Table, Update
from headrace.upkeep.operations.audit import entry_put
from headrace.upkeep.operations.ports import Ports
from headrace.upkeep.operations.reconcile import Write, wire_change
from headrace.upkeep.operations.versions import unchanged
from headrace.upkeep.wire import items

_NAME_CHARACTERS = 100
_ATTEMPTS = 20
"""Each of them was overtaken by somebody else's change that did happen."""

Plan = Callable[[Item], tuple[Mapping[str, Any], Sequence[Write]]]
"""`(project's item) -> (what to set in it, further writes)`"""


def create_project(name: str, owner: str, ports: Ports, *, address: str = "") -> str:
    """Make a project that account `owner` owns, with its queues; return its id.

    Raises:
        InvalidInput: no name, or one that is too long.
    """
    if not 1 <= len(name.strip()) <= _NAME_CHARACTERS:
        raise InvalidInput(f"name: 1 to {_NAME_CHARACTERS} characters are needed", field="name")
    project_id, now = str(uuid4()), ports.clock.now_unix_nano()
    project = {
        "pk": items.project_pk(project_id),
        "sk": items.PROJECT,
        "name": name.strip(),
        "created_unix_nano": now,
        "version": 1,
        "owners": 1,
        "members": 1,
        "keys": 0,
    }
    membership = membership_item(project_id, owner, "owner", now)
    entry = entry_put(project_id, owner, "project.create", project_id, ports.clock, address=address)
    wire_change(project_id, [Put(project, ABSENT), Put(membership, ABSENT), entry], ports)
    return project_id


def membership_item(project_id: str, account_id: str, role: Role, added_unix_nano: int) -> Item:
    """The item that makes an account a member; by its index keys the account's projects are found."""
    return {
        "pk": items.project_pk(project_id),
        "sk": items.member_sk(account_id),
        "gsi_pk": items.account_pk(account_id),
        "gsi_sk": items.project_pk(project_id),
        "role": role,
        "added_unix_nano": added_unix_nano,
    }


def load_project(project_id: str, config: Table) -> Item:
    """The project's item. Raises NotFound, also while it is being deleted."""
    project = config.get(items.project_pk(project_id), items.PROJECT)
    if project is None or not items.is_live(project):
        raise NotFound("there is no such project")
    return project


def page_of_projects(
    account_id: str, config: Table, *, limit: int, cursor: str | None = None
) -> tuple[list[tuple[Item, Role]], str | None]:
    """Some projects of an account with its role in each, and the cursor of the next page.

    Fewer than `limit` may come before the last page: the index may still name what is gone.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    places = Range(items.account_pk(account_id), prefix=items.PROJECT_PREFIX)
    page = config.query(places, limit=limit, cursor=cursor, index=True)
    found = {(item["pk"], item["sk"]): item for item in _projects_with_roles(page.items, config)}
    listed = []
    for pk, sk in ((each["pk"], each["sk"]) for each in page.items):
        project, membership = found.get((pk, items.PROJECT)), found.get((pk, sk))
        if project is not None and membership is not None and items.is_live(project):
            listed.append((project, membership["role"]))
    return listed, page.next_cursor


def find_project(name: str, account_id: str, config: Table) -> str:
    """The id of a project called `name` that an account is a member of.

    Raises:
        NotFound: there is none.
    """
    cursor = None
    while True:
        listed, cursor = page_of_projects(account_id, config, limit=100, cursor=cursor)
        for project, _ in listed:
            if project["name"] == name.strip():
                return project_id_of(project)
        if cursor is None:
            raise NotFound(f"there is no project called {name!r}")


def project_id_of(item: Item) -> str:
    """The id of the project whose partition `item` is in."""
    return str(item["pk"].removeprefix(items.PROJECT_PREFIX))


def change_project(project_id: str, plan: Plan, config: Table) -> None:
    """Do what `plan` makes of the project's item, in one transaction.

    The project's version is the lock of whatever has to fit together in a project, such as its members and the number
    of its owners: of two changes at once one is planned anew, on what the other left.

    Raises:
        NotFound: there is no such project.
        Unavailable: overtaken too often.
    """
    for _ in range(_ATTEMPTS):
        project = load_project(project_id, config)
        values, writes = plan(project)
        change = Update(project["pk"], project["sk"], set=values, add={"version": 1}, condition=unchanged(project))
        try:
            config.transact([change, *writes])
        except Conflict:
            continue
        return
    raise Unavailable("others are changing the project all the time")


def delete_project(project_id: str, ports: Ports) -> None:
    """Let a project be gone for everybody at once; then its queues, subscriptions and all that is stored of it.

    What an interruption leaves, `reconcile` removes.

    Raises:
        NotFound: there is no such project.
    """
    live = Condition(exists=True, equals={"deleting": None})
    mark = Update(
        items.project_pk(project_id), items.PROJECT, set={"deleting": True}, add={"version": 1}, condition=live
    )
    try:
        wire_change(project_id, [mark], ports)
    except Conflict as gone:
        raise NotFound("there is no such project") from gone


def _projects_with_roles(memberships: Sequence[Item], config: Table) -> Iterator[Item]:
    """The items of the projects, and the memberships as they are now."""
    keys = [(each["pk"], sk) for each in memberships for sk in (items.PROJECT, each["sk"])]
    for start in range(0, len(keys), 100):
        yield from config.batch_get(keys[start : start + 100])
