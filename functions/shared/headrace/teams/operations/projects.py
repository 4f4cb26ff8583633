"""Projects: each has queues of its own, keys, members, one pipeline and some sinks."""

from collections.abc import Iterator, Sequence
from uuid import uuid4

from headrace.api.roles import Role
from headrace.errors import InvalidInput, NotFound
from headrace.ports.items import PROJECT_PREFIX, project_pk
from headrace.ports.table import ABSENT, Item, Put, Range, Table
from headrace.teams.operations.needs import TeamsNeeds
from headrace.teams.wire import items
from headrace.upkeep.operations.change import Author, Change, Person
from headrace.upkeep.wire.items import PROJECT, is_live

_NAME_CHARACTERS = 100


def create_project(name: str, owner: str, needs: TeamsNeeds, *, address: str = "") -> str:
    """Make a project that account `owner` owns, with its queues; return its id.

    Raises:
        InvalidInput: no name, or one that is too long.
    """
    if not 1 <= len(name.strip()) <= _NAME_CHARACTERS:
        raise InvalidInput(f"name: 1 to {_NAME_CHARACTERS} characters are needed", field="name")
    project_id, now = str(uuid4()), needs.clock.now_unix_nano()
    project = {
        "pk": project_pk(project_id),
        "sk": PROJECT,
        "name": name.strip(),
        "created_unix_nano": now,
        "version": 1,
        "owners": 1,
        "members": 1,
        "keys": 0,
    }

    def plan(change: Change) -> str:
        change.write(Put(project, ABSENT))
        change.write(Put(membership_item(project_id, owner, "owner", now), ABSENT))
        change.audit("project.create", project_id)
        change.wire()
        return project_id

    return needs.changes.make(Person(project_id, owner, address), plan)


def rename_project(author: Author, name: str, needs: TeamsNeeds) -> None:
    """Give a project another name. Raises NotFound: there is no such project."""

    def plan(change: Change) -> None:
        change.update(locked_project(change, author.project_id), {"name": name})
        change.audit("project.rename", author.project_id, f"to {name}")

    needs.changes.make(author, plan)


def delete_project(author: Author, needs: TeamsNeeds) -> None:
    """Let a project be gone for everybody at once; then its queues, subscriptions and all that is stored of it.

    What an interruption leaves, `reconcile` removes. There is no audit entry: it would go with the project.

    Raises:
        NotFound: there is no such project.
    """

    def plan(change: Change) -> None:
        change.update(locked_project(change, author.project_id), {"deleting": True})
        change.wire()

    needs.changes.make(author, plan)


def locked_project(change: Change, project_id: str) -> Item:
    """The project's item, which the change then has to update.

    Its version is the lock of whatever has to fit together in a project, such as its members and the number of its
    owners: of two changes at once one is planned anew, on what the other left.

    Raises:
        NotFound: there is no such project.
    """
    return _live(change.read(project_pk(project_id), PROJECT))


def membership_item(project_id: str, account_id: str, role: Role, added_unix_nano: int) -> Item:
    """The item that makes an account a member; by its index keys the account's projects are found."""
    return {
        "pk": project_pk(project_id),
        "sk": items.member_sk(account_id),
        "gsi_pk": items.account_pk(account_id),
        "gsi_sk": project_pk(project_id),
        "role": role,
        "added_unix_nano": added_unix_nano,
    }


def load_project(project_id: str, config: Table) -> Item:
    """The project's item. Raises NotFound, also while it is being deleted."""
    return _live(config.get(project_pk(project_id), PROJECT))


def page_of_projects(
    account_id: str, config: Table, *, limit: int, cursor: str | None = None
) -> tuple[list[tuple[Item, Role]], str | None]:
    """Some projects of an account with its role in each, and the cursor of the next page.

    Fewer than `limit` may come before the last page: the index may still name what is gone.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    places = Range(items.account_pk(account_id), prefix=PROJECT_PREFIX)
    page = config.query(places, limit=limit, cursor=cursor, index=True)
    found = {(item["pk"], item["sk"]): item for item in _projects_with_roles(page.items, config)}
    listed = []
    for pk, sk in ((each["pk"], each["sk"]) for each in page.items):
        project, membership = found.get((pk, PROJECT)), found.get((pk, sk))
        if project is not None and membership is not None and is_live(project):
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
    return str(item["pk"].removeprefix(PROJECT_PREFIX))


def _live(project: Item | None) -> Item:
    if project is None or not is_live(project):
        raise NotFound("there is no such project")
    return project


def _projects_with_roles(memberships: Sequence[Item], config: Table) -> Iterator[Item]:
    """The items of the projects, and the memberships as they are now."""
    keys = [(each["pk"], sk) for each in memberships for sk in (PROJECT, each["sk"])]
    for start in range(0, len(keys), 100):
        yield from config.batch_get(keys[start : start + 100])
