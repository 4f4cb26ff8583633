"""Authenticate: which project an API key belongs to. The first step of every request with telemetry or outputs."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from headrace.errors import HeadraceError, NotAuthenticated
from headrace.ports.clock import Clock
from headrace.ports.remembered import Remembered
from headrace.ports.table import Condition, Table, Update
from headrace.teams.domain.keys import hash_key, well_formed
from headrace.teams.wire import items
from headrace.times import nanoseconds

_USE_NOTED_EVERY = timedelta(hours=1)


class ApiKeys:
    """The keys of a deployment, known and unknown ones remembered for `ttl`. May be used from many threads."""

    def __init__(self, config: Table, clock: Clock, *, ttl: timedelta) -> None:
        self._table, self._clock = config, clock
        self._projects = Remembered(self._read, ttl, clock)

    def project_of(self, key: str | None) -> str:
        """The id of the project that API key `key` belongs to.

        Raises:
            NotAuthenticated: no key, or one that is malformed, unknown or revoked.
            Unavailable: the table is down.
        """
        if not key:
            raise NotAuthenticated("no API key: send it in the header X-API-Key")
        project_id = self._projects(hash_key(key)) if well_formed(key) else None
        if project_id is None:
            raise NotAuthenticated("this API key is not known")
        return project_id

    def _read(self, key_hash: str) -> str | None:
        item = self._table.get(items.key_pk(key_hash), items.KEY)
        if item is None:
            return None
        self._note_use(item)
        return str(item["project_id"])

    def _note_use(self, key: Mapping[str, Any]) -> None:
        """Keep when a key was last used, to about an hour. No request fails for it, and no revoked key returns."""
        last, now = key.get("last_used_unix_nano"), self._clock.now_unix_nano()
        if last is not None and now - last < nanoseconds(_USE_NOTED_EVERY):
            return
        # Of many instances that see the key for the first time in an hour, one writes.
        untouched = Condition(exists=True, equals={"last_used_unix_nano": last})
        with suppress(HeadraceError):
            self._table.update(Update(key["pk"], key["sk"], set={"last_used_unix_nano": now}, condition=untouched))
