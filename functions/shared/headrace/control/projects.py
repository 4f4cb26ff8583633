"""Projects: each has queues of its own, keys, members, one pipeline and some sinks."""

from uuid import uuid4

from headrace.domain.errors import InvalidInput, NotFound
from headrace.domain.queues import QueueNames
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, Put, Range, Table
from headrace.ports.wiring import Subscription, Wiring
from headrace.wire import items

_NAME_CHARACTERS = 100


def create_project(name: str, owner: str, config: Table, wiring: Wiring, queues: QueueNames, clock: Clock) -> str:
    """Make a project that account `owner` owns, with its queues; return its id.

    Raises:
        InvalidInput: no name, or one that is too long.
    """
    if not 1 <= len(name.strip()) <= _NAME_CHARACTERS:
        raise InvalidInput(f"name: 1 to {_NAME_CHARACTERS} characters are needed", field="name")
    project_id = str(uuid4())
    pk = items.project_pk(project_id)
    project = {
        "pk": pk,
        "sk": items.PROJECT,
        "name": name.strip(),
        "created_unix_nano": clock.now_unix_nano(),
    }
    membership = {
        "pk": pk,
        "sk": f"member#{owner}",
        "gsi_pk": items.account_pk(owner),
        "gsi_sk": pk,
        "role": "owner",
    }
    config.transact([Put(project, ABSENT), Put(membership, ABSENT)])
    wire_project(project_id, config, wiring, queues)
    return project_id


def find_project(name: str, owner: str, config: Table) -> str:
    """The id of the project called `name` that account `owner` is a member of.

    Raises:
        NotFound: there is none.
    """
    for membership in config.query(Range(items.account_pk(owner)), index=True, limit=1000).items:
        project = config.get(membership["pk"], items.PROJECT)
        if project is not None and project["name"] == name.strip():
            return str(project["pk"].removeprefix("project#"))
    raise NotFound(f"there is no project called {name!r}")


def wire_project(project_id: str, config: Table, wiring: Wiring, queues: QueueNames) -> None:
    """Bring the engine's queues and subscriptions to what the project's pipeline says. Safe to repeat."""
    pipeline = items.decode_pipeline(config.get(items.project_pk(project_id), items.PIPELINE))
    raw = Subscription(
        queue=queues.raw(project_id),
        kind="raw",
        batch_window=pipeline.batch_window,
        max_concurrency=pipeline.invocations,
        active=pipeline.active,
    )
    wiring.reconcile(
        project_id,
        [
            raw,
            Subscription(queues.output(project_id), "output"),
            Subscription(queues.spans(project_id), "spans"),
        ],
    )
