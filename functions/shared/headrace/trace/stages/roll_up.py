"""Roll up what services did, so that every message counts once however often it is delivered.

The message's mark and what it adds are one transaction: a message that has its mark is done. What takes more than
one transaction is cut into parts that depend on the message alone, each with a mark of its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from hashlib import blake2b

from headrace.errors import Conflict
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, Put, Table, Update
from headrace.ports.table_rules import MAX_ADDED
from headrace.times import unix_seconds
from headrace.trace.domain.rollups import Observation, Rollup, Series, roll_up
from headrace.trace.stages.names import Names
from headrace.trace.wire import run_items

_WRITES = 100
_DAY_S = 86_400
_MARKS_DAYS = 14
"""As long as the longest that an engine keeps a message."""
_MINUTES_DAYS = 3
"""How long windows of a minute are kept; those of an hour stay as long as runs."""


class RollUp:
    """Adds observations to the rollups of one project."""

    def __init__(self, project_id: str, telemetry: Table, names: Names, clock: Clock, retention: timedelta) -> None:
        self._project_id, self._telemetry, self._names = project_id, telemetry, names
        self._now_s = unix_seconds(clock.now_unix_nano())
        self._kept_s = round(retention.total_seconds())

    def add(self, messages: Mapping[str, Sequence[Observation]]) -> None:
        """Add what each message observed, by its body; nothing for one that was added before.

        Raises:
            Unavailable: some may be added; adding all of them again is safe.
        """
        rollups = {_digest(body): roll_up(observations) for body, observations in messages.items()}
        for group in _groups(rollups):
            self._add_together({digest: rollups[digest] for digest in group})
        services = {series.service for each in rollups.values() for series in each}
        pk = run_items.services_pk(self._project_id)
        self._names.enter(pk, services, self._telemetry, self._now_s, self._now_s + self._kept_s)

    def _add_together(self, messages: Mapping[str, Mapping[Series, Rollup]]) -> None:
        """What fits one transaction, in one; where one of the messages was here before, each in its own."""
        marks = [self._mark(digest, 0) for digest in messages]
        updates = self._updates(_merged(messages.values()))
        writes: list[Put | Update] = [*marks, *updates]
        if len(writes) <= _WRITES and len(list(_rounds(updates))) <= 1:
            try:
                self._telemetry.transact(writes)
            except Conflict:
                self._add_each(messages)
        else:
            self._add_each(messages)

    def _add_each(self, messages: Mapping[str, Mapping[Series, Rollup]]) -> None:
        for digest, rollups in messages.items():
            for part, updates in enumerate(_parts(self._updates(rollups))):
                with suppress(Conflict):  # this part was here before
                    self._telemetry.transact([self._mark(digest, part), *updates])

    def _updates(self, rollups: Mapping[Series, Rollup]) -> list[Update]:
        """In the order of their keys; several for one that has many buckets.

        Series whose names are cut to the same key are one.
        """
        by_key: dict[tuple[str, str], list[Series]] = defaultdict(list)
        for series in rollups:
            by_key[run_items.rollup_key(self._project_id, series)].append(series)
        return [update for key in sorted(by_key) for update in self._of_key(key, by_key[key], rollups)]

    def _of_key(
        self, key: tuple[str, str], same: Sequence[Series], rollups: Mapping[Series, Rollup]
    ) -> Iterator[Update]:
        rollup = Rollup()
        for series in same:
            rollup.merge(rollups[series])
        values = {"name": same[0].name, "expires_at": self._expires_at(same[0])}
        counts = list(run_items.encode_counts(rollup).items())
        for start in range(0, len(counts), MAX_ADDED):
            yield Update(*key, set=values, add=dict(counts[start : start + MAX_ADDED]))

    def _expires_at(self, series: Series) -> int:
        days_s = _MINUTES_DAYS * _DAY_S if series.resolution == "minute" else self._kept_s
        return self._now_s + days_s

    def _mark(self, digest: str, part: int) -> Put:
        expires_at = self._now_s + _MARKS_DAYS * _DAY_S
        return Put(
            {"pk": run_items.rolled_pk(self._project_id), "sk": f"{digest}#{part}", "expires_at": expires_at}, ABSENT
        )


def _groups(messages: Mapping[str, Mapping[Series, Rollup]]) -> Iterator[list[str]]:
    """Messages that fit one transaction together, as far as they do."""
    group: list[str] = []
    together: set[Series] = set()
    for digest, rollups in messages.items():
        if group and len(group) + 1 + len(together | rollups.keys()) > _WRITES:
            yield group
            group, together = [], set()
        group.append(digest)
        together |= rollups.keys()
    if group:
        yield group


def _parts(updates: Sequence[Update]) -> Iterator[list[Update]]:
    """What fits a transaction beside the mark."""
    room = _WRITES - 1
    for together in _rounds(updates):
        for start in range(0, len(together), room):
            yield together[start : start + room]


def _rounds(updates: Sequence[Update]) -> Iterator[list[Update]]:
    """The first update of every item, then the second of those that have several, and so on."""
    of_item: dict[tuple[str, str], list[Update]] = defaultdict(list)
    for update in updates:
        of_item[update.pk, update.sk].append(update)
    for number in range(max(map(len, of_item.values()), default=0)):
        yield [each[number] for each in of_item.values() if number < len(each)]


def _digest(body: str) -> str:
    return blake2b(body.encode(), digest_size=16).hexdigest()


def _merged(messages: Iterable[Mapping[Series, Rollup]]) -> dict[Series, Rollup]:
    merged: dict[Series, Rollup] = defaultdict(Rollup)
    for rollups in messages:
        for series, rollup in rollups.items():
            merged[series].merge(rollup)
    return merged
