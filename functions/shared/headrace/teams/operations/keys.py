"""API keys: made here, shown once, kept as hashes."""

from dataclasses import dataclass, field
from uuid import uuid4

from headrace.errors import Conflict, NotFound
from headrace.ports.items import project_pk
from headrace.ports.table import ABSENT, PRESENT, Delete, Item, Page, Put, Range, Table
from headrace.teams.domain.keys import SHOWN_CHARACTERS, hash_key, new_key
from headrace.teams.operations.needs import TeamsNeeds
from headrace.teams.operations.projects import locked_project
from headrace.teams.wire import items
from headrace.upkeep.operations.change import Author, Change
from headrace.upkeep.operations.erase import erase

MOST_KEYS = 100


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: nobody can ask for it again."""

    id: str
    key: str = field(repr=False)
    item: Item
    """What is stored of it."""


def create_key(author: Author, name: str, needs: TeamsNeeds) -> NewKey:
    """Make a key for a project.

    Raises:
        NotFound: there is no such project.
        Conflict: it has as many keys as there may be.
    """
    made = _new_key(author.project_id, name, needs.clock.now_unix_nano())

    def plan(change: Change) -> NewKey:
        project = locked_project(change, author.project_id)
        if project["keys"] >= MOST_KEYS:
            raise Conflict(f"a project has at most {MOST_KEYS} API keys: revoke one that is not used any more")
        change.update(project, {"keys": project["keys"] + 1})
        change.write(Put(made.item, ABSENT))
        change.audit("api_key.create", made.id, name)
        return made

    return needs.changes.make(author, plan)


def revoke_key(author: Author, key_id: str, needs: TeamsNeeds) -> None:
    """Let a key be void, wherever it is remembered too when that time is over (`HEADRACE_KEY_CACHE_SECONDS`).

    Raises:
        NotFound: the project has no such key.
    """
    sk = items.key_gsi_sk(key_id)
    listed = needs.config.query(Range(project_pk(author.project_id), low=sk, high=sk), index=True).items

    def plan(change: Change) -> None:
        project = locked_project(change, author.project_id)
        # Asked of the table itself: the index may still name a key that is revoked.
        if not listed or change.read(listed[0]["pk"], items.KEY) is None:
            raise NotFound("there is no such API key")
        change.update(project, {"keys": project["keys"] - 1})
        change.write(Delete(listed[0]["pk"], items.KEY, PRESENT))
        change.audit("api_key.revoke", key_id)

    needs.changes.make(author, plan)


def revoke_all_keys(project_id: str, config: Table) -> None:
    """Let no key of a project that is being deleted be worth anything. Safe to repeat. Raises Unavailable."""
    erase(Range(project_pk(project_id), prefix=items.KEY_PREFIX), config, index=True)


def page_of_keys(project_id: str, config: Table, *, limit: int, cursor: str | None = None) -> Page:
    """Some keys of a project. Raises InvalidInput when the cursor is not one of ours."""
    places = Range(project_pk(project_id), prefix=items.KEY_PREFIX)
    return config.query(places, limit=limit, cursor=cursor, index=True)


def key_id_of(item: Item) -> str:
    """The id of a stored key."""
    return str(item["gsi_sk"].removeprefix(items.KEY_PREFIX))


def _new_key(project_id: str, name: str, now_unix_nano: int) -> NewKey:
    key_id, key = uuid4().hex, new_key()
    item = {
        "pk": items.key_pk(hash_key(key)),
        "sk": items.KEY,
        "gsi_pk": project_pk(project_id),
        "gsi_sk": items.key_gsi_sk(key_id),
        "project_id": project_id,
        "name": name,
        "prefix": key[:SHOWN_CHARACTERS],
        "created_unix_nano": now_unix_nano,
    }
    return NewKey(key_id, key, item)
