"""What the data path has to know of a project, read from the config table and remembered for a while."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Lock
from typing import Any, TypeVar

from cachetools import TTLCache

from headrace.errors import HeadraceError, InvalidInput, NotAuthenticated, Unavailable
from headrace.ports.clock import Clock
from headrace.ports.records import Signal
from headrace.ports.table import PRESENT, Condition, Range, Table, Update, items_of
from headrace.route.domain.pipeline import Pipeline
from headrace.route.domain.sinks import Sink
from headrace.teams.domain.keys import hash_key, well_formed
from headrace.trace.domain.tracing import Tracing
from headrace.upkeep.wire import items

Value = TypeVar("Value")

_REMEMBERED = 10_000
"""Entries of each kind; the oldest make room, so that guessing keys does not fill the memory."""

_USE_NOTED_EVERY = timedelta(hours=1)


class Configuration:
    """Reads through caches; may be used from many threads. Everything here raises Unavailable like its table.

    `open_secret` opens what is sealed at rest, only when it is about to be used.
    """

    def __init__(
        self,
        config: Table,
        clock: Clock,
        *,
        key_ttl: timedelta,
        ttl: timedelta,
        open_secret: Callable[[str], str] = str,
    ) -> None:
        self._table = config
        self._clock = clock
        self._open = open_secret
        self._lock = Lock()
        self._keys: TTLCache[str, str | None] = self._cache(key_ttl)
        self._pipelines: TTLCache[str, Pipeline] = self._cache(ttl)
        self._sinks: TTLCache[str, list[Sink]] = self._cache(ttl)
        self._tracing: TTLCache[str, Tracing] = self._cache(ttl)

    def project_of(self, key: str | None) -> str:
        """The id of the project that API key `key` belongs to.

        Raises:
            NotAuthenticated: no key, or one that is malformed, unknown or revoked.
        """
        if not key:
            raise NotAuthenticated("no API key: send it in the header X-API-Key")
        if not well_formed(key):
            raise NotAuthenticated("this API key is not known")
        key_hash = hash_key(key)
        project_id = self._remembered(self._keys, key_hash, self._read_key)
        if project_id is None:
            raise NotAuthenticated("this API key is not known")
        return project_id

    def pipeline(self, project_id: str) -> Pipeline:
        """The project's pipeline, secret opened; the default one when it has none.

        Raises:
            Unavailable: also for a damaged item, or a secret that was sealed with a key that is gone.
        """
        return self._remembered(self._pipelines, project_id, self._read_pipeline).with_secrets(self._open)

    def signals(self, project_id: str) -> tuple[Signal, ...]:
        """What the project's pipeline takes. Opens no secret, so the receiver needs no key for them."""
        return self._remembered(self._pipelines, project_id, self._read_pipeline).signals

    def sinks(self, project_id: str) -> list[Sink]:
        """The project's sinks, disabled ones too, secrets opened. Raises Unavailable as `pipeline` does."""
        return self._remembered(self._sinks, project_id, self._read_sinks)

    def tracing(self, project_id: str) -> Tracing:
        """How the project wants its traces kept. Raises Unavailable as `pipeline` does."""
        return self._remembered(self._tracing, project_id, self._read_tracing)

    def disable_sink(self, project_id: str, sink: Sink, reason: str) -> None:
        """Switch off a sink whose other end said that it is gone for good. Raises Conflict if it was deleted."""
        change = Update(
            items.project_pk(project_id),
            items.SINK_PREFIX + sink.id,
            set={"enabled": False, "disabled_reason": reason},
            add={"version": 1},  # so that nobody switches it on again who has not seen this
            condition=PRESENT,
        )
        self._table.update(change)
        with self._lock:
            self._sinks.pop(project_id, None)

    def _read_key(self, key_hash: str) -> str | None:
        item = self._table.get(items.key_pk(key_hash), items.KEY)
        if item is None:
            return None
        self._note_use(item)
        return str(item["project_id"])

    def _note_use(self, key: Mapping[str, Any]) -> None:
        """Keep when a key was last used, to about an hour. No request fails for it, and no revoked key returns."""
        last, now = key.get("last_used_unix_nano"), self._clock.now_unix_nano()
        if last is not None and now - last < _USE_NOTED_EVERY // timedelta(microseconds=1) * 1000:
            return
        # Of many instances that see the key for the first time in an hour, one writes.
        untouched = Condition(exists=True, equals={"last_used_unix_nano": last})
        with suppress(HeadraceError):
            self._table.update(Update(key["pk"], key["sk"], set={"last_used_unix_nano": now}, condition=untouched))

    def _read_pipeline(self, project_id: str) -> Pipeline:
        item = self._table.get(items.project_pk(project_id), items.PIPELINE)
        with _damage_can_be_mended():
            return items.decode_pipeline(item)

    def _read_tracing(self, project_id: str) -> Tracing:
        item = self._table.get(items.project_pk(project_id), items.TRACING)
        with _damage_can_be_mended():
            return items.decode_tracing(item)

    def _read_sinks(self, project_id: str) -> list[Sink]:
        found = items_of(self._table, Range(items.project_pk(project_id), prefix=items.SINK_PREFIX))
        with _damage_can_be_mended():
            return [items.decode_sink(item).with_secrets(self._open) for item in found]

    def _cache(self, ttl: timedelta) -> "TTLCache[str, Value]":
        return TTLCache(_REMEMBERED, ttl.total_seconds(), timer=lambda: self._clock.now_unix_nano() / 1e9)

    def _remembered(self, cache: "TTLCache[str, Value]", key: str, read: Callable[[str], Value]) -> Value:
        with self._lock, suppress(KeyError):  # not `in` first: it may expire between the two
            return cache[key]
        value = read(key)
        with self._lock:
            cache[key] = value
        return value


@contextmanager
def _damage_can_be_mended() -> Iterator[None]:
    """A damaged item is nothing that the sender of a record could help: its messages wait for the repair."""
    try:
        yield
    except InvalidInput as damage:
        raise Unavailable(f"stored configuration is damaged: {damage}") from damage
