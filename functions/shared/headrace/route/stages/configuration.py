"""Configuration: what the data path has to know of a project's pipeline and sinks, remembered for a while."""

from collections.abc import Callable
from datetime import timedelta

from headrace.ports.clock import Clock
from headrace.ports.items import mendable, project_pk
from headrace.ports.records import Signal
from headrace.ports.remembered import Remembered
from headrace.ports.table import PRESENT, Range, Table, Update, items_of
from headrace.route.domain.pipeline import Pipeline
from headrace.route.domain.sinks import Sink
from headrace.route.wire import items


class Configuration:
    """May be used from many threads. Everything here raises Unavailable like its table, and for a damaged item.

    `open_secret` opens what is sealed at rest, only when it is about to be used.
    """

    def __init__(self, config: Table, clock: Clock, *, ttl: timedelta, open_secret: Callable[[str], str] = str) -> None:
        self._table = config
        self._open = open_secret
        self._pipelines = Remembered(self._read_pipeline, ttl, clock)
        self._sinks = Remembered(self._read_sinks, ttl, clock)

    def pipeline(self, project_id: str) -> Pipeline:
        """The project's pipeline, secret opened; the default one when it has none.

        Raises:
            Unavailable: also for a secret that was sealed with a key that is gone.
        """
        return self._pipelines(project_id).with_secrets(self._open)

    def signals(self, project_id: str) -> tuple[Signal, ...]:
        """What the project's pipeline takes. Opens no secret, so the receiver needs no key for them."""
        return self._pipelines(project_id).signals

    def sinks(self, project_id: str) -> list[Sink]:
        """The project's sinks, disabled ones too, secrets opened. Raises Unavailable as `pipeline` does."""
        return self._sinks(project_id)

    def disable_sink(self, project_id: str, sink: Sink, reason: str) -> None:
        """Switch off a sink whose other end said that it is gone for good. Raises Conflict if it was deleted."""
        change = Update(
            project_pk(project_id),
            items.SINK_PREFIX + sink.id,
            set={"enabled": False, "disabled_reason": reason},
            add={"version": 1},  # so that nobody switches it on again who has not seen this
            condition=PRESENT,
        )
        self._table.update(change)
        self._sinks.forget(project_id)

    def _read_pipeline(self, project_id: str) -> Pipeline:
        item = self._table.get(project_pk(project_id), items.PIPELINE)
        with mendable("the stored pipeline"):
            return items.decode_pipeline(item)

    def _read_sinks(self, project_id: str) -> list[Sink]:
        found = items_of(self._table, Range(project_pk(project_id), prefix=items.SINK_PREFIX))
        with mendable("a stored sink"):
            return [items.decode_sink(item).with_secrets(self._open) for item in found]
