"""Log deliveries: the last attempts at each sink and its health, for its owner to look at. Contract section 6.

All failures are kept, and of successes those of one event a second (and process): at thousands of deliveries a second
the log is two small writes a second and sink, and who sends less sees every attempt. An item holds the attempts of one
event; there are `SLOTS` of them for a sink, used in turn, so that the log stays bounded without anything to clean up.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from headrace import events
from headrace.errors import HeadraceError
from headrace.intake.stages.tally import Tally, save_alone
from headrace.observability import warn
from headrace.ports.table import Table
from headrace.route.domain.delivery import SinkAttempt
from headrace.route.wire import items
from headrace.route.wire.delivery_items import encode_attempts
from headrace.times import SECOND_NANO, expiry

SLOTS = 100
_IN_AN_ITEM = 20
_EVERY_UNIX_NANO = SECOND_NANO
_REMEMBERED = 10_000
"""Sinks that one process keeps the time of."""
_KEPT = timedelta(days=7)
_HEALTH_KEPT = timedelta(days=90)


@dataclass(slots=True)
class SinkNews:
    """What one event brought for one sink."""

    attempts: list[SinkAttempt] = field(default_factory=list)
    dead_lettered: int = 0

    @property
    def failed(self) -> bool:
        """Whether anything did not get there."""
        return self.dead_lettered > 0 or any(attempt.verdict != "done" for attempt in self.attempts)


def no_news() -> dict[str, SinkNews]:
    """News by sink id."""
    return defaultdict(SinkNews)


class DeliveryLog:
    """Remembers, for this process, when successes of a sink were last written. May be used from many threads."""

    def __init__(self) -> None:
        self._noted: dict[str, int] = {}

    def note(self, project_id: str, news: Mapping[str, SinkNews], now_unix_nano: int, telemetry: Table) -> None:
        """Write what is to be kept. A table that is down costs the log, never a delivery."""
        if len(self._noted) > _REMEMBERED:
            self._noted.clear()  # each of those sinks is written once too often then
        for sink_id, of_sink in news.items():
            if of_sink.failed or now_unix_nano - self._noted.get(sink_id, 0) >= _EVERY_UNIX_NANO:
                self._noted[sink_id] = now_unix_nano
                _write(project_id, sink_id, of_sink, now_unix_nano, telemetry)


def _write(project_id: str, sink_id: str, news: SinkNews, now_unix_nano: int, telemetry: Table) -> None:
    tally = Tally(latest={"expires_at": expiry(now_unix_nano, _HEALTH_KEPT)})
    tally.counts.update(dead_lettered=news.dead_lettered, slots=1)
    for attempt in news.attempts:
        if attempt.verdict == "done":
            tally.succeeded(attempt.at_unix_nano)
        else:
            tally.failed(attempt.at_unix_nano, attempt.error or "")
    # Alone: of events that shared a write each would see the last slot, and take it from the others.
    health = save_alone(telemetry, project_id, tally, items.HEALTH_PREFIX + sink_id)
    if health is None or not news.attempts:
        return
    failures_first = sorted(news.attempts, key=lambda attempt: attempt.verdict == "done")
    slot = int(health["slots"]) % SLOTS
    expires_at = expiry(now_unix_nano, _KEPT)
    try:
        telemetry.put(encode_attempts(project_id, sink_id, slot, failures_first[:_IN_AN_ITEM], expires_at))
    except HeadraceError as problem:
        warn(events.AttemptsNotLogged(project_id=project_id, sink_id=sink_id, reason=str(problem)))
