"""API keys: made here, shown once, kept as hashes."""

from uuid import uuid4

from headrace.domain.keys import SHOWN_CHARACTERS, hash_key, new_key
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, Table
from headrace.wire import items


def create_key(project_id: str, name: str, config: Table, clock: Clock) -> str:
    """Make a key for a project and return it: nobody can ask for it again."""
    key, key_id = new_key(), uuid4().hex
    config.put(
        {
            "pk": items.key_pk(hash_key(key)),
            "sk": items.KEY,
            "gsi_pk": items.project_pk(project_id),
            "gsi_sk": f"key#{key_id}",
            "project_id": project_id,
            "name": name,
            "prefix": key[:SHOWN_CHARACTERS],
            "created_unix_nano": clock.now_unix_nano(),
        },
        ABSENT,
    )
    return key
