"""API keys: made here, shown once, kept as hashes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from headrace.errors import Conflict, NotFound
from headrace.ports.table import ABSENT, PRESENT, Delete, Item, Page, Put, Range, Table
from headrace.teams.domain.keys import SHOWN_CHARACTERS, hash_key, new_key
from headrace.teams.operations.projects import change_project
from headrace.upkeep.operations.ports import Ports
from headrace.upkeep.wire import items

MOST_KEYS = 100


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: nobody can ask for it again."""

    id: str
    key: str = field(repr=False)
    item: Item
    """What is stored of it."""


def create_key(
    project_id: str, name: str, ports: Ports, *, key_id: str | None = None, also: Sequence[Put] = ()
) -> NewKey:
    """Make a key for a project, and write `also` in the same transaction.

    Raises:
        NotFound: there is no such project.
        Conflict: it has as many keys as there may be.
    """
    made = _new_key(project_id, name, key_id or new_key_id(), ports.clock.now_unix_nano())

    def plan(project: Item) -> tuple[dict[str, int], list[Put]]:
        if project["keys"] >= MOST_KEYS:
            raise Conflict(f"a project has at most {MOST_KEYS} API keys: revoke one that is not used any more")
        return {"keys": project["keys"] + 1}, [Put(made.item, ABSENT), *also]

    change_project(project_id, plan, ports.config)
    return made


def new_key_id() -> str:
    """An id that no other key has."""
    return uuid4().hex


def revoke_key(project_id: str, key_id: str, ports: Ports, *, also: Sequence[Put] = ()) -> None:
    """Let a key be void, wherever it is remembered too when that time is over (`HEADRACE_KEY_CACHE_SECONDS`).

    Raises:
        NotFound: the project has no such key.
    """
    sk = items.key_gsi_sk(key_id)
    listed = ports.config.query(Range(items.project_pk(project_id), low=sk, high=sk), index=True).items

    def plan(project: Item) -> tuple[dict[str, int], list[Put | Delete]]:
        # Asked of the table itself: the index may still name a key that is revoked.
        if not listed or ports.config.get(listed[0]["pk"], items.KEY) is None:
            raise NotFound("there is no such API key")
        return {"keys": project["keys"] - 1}, [Delete(listed[0]["pk"], items.KEY, PRESENT), *also]

    change_project(project_id, plan, ports.config)


def page_of_keys(project_id: str, config: Table, *, limit: int, cursor: str | None = None) -> Page:
    """Some keys of a project. Raises InvalidInput when the cursor is not one of ours."""
    places = Range(items.project_pk(project_id), prefix=items.KEY_PREFIX)
    return config.query(places, limit=limit, cursor=cursor, index=True)


def key_id_of(item: Item) -> str:
    """The id of a stored key."""
    return str(item["gsi_sk"].removeprefix(items.KEY_PREFIX))


def _new_key(project_id: str, name: str, key_id: str, now_unix_nano: int) -> NewKey:
    key = new_key()
    item = {
        "pk": items.key_pk(hash_key(key)),
        "sk": items.KEY,
        "gsi_pk": items.project_pk(project_id),
        "gsi_sk": items.key_gsi_sk(key_id),
        "project_id": project_id,
        "name": name,
        "prefix": key[:SHOWN_CHARACTERS],
        "created_unix_nano": now_unix_nano,
    }
    return NewKey(key_id, key, item)
