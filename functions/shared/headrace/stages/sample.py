"""Sample: a few of the records that a project sent last, kept for a day, to try expressions on.

Off the hot path: one look at a dictionary for each request, one small write each half minute.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from headrace.domain.errors import HeadraceError
from headrace.domain.records import Signal
from headrace.observability import warn
from headrace.ports.table import Table
from headrace.wire import items

RECORDS, BYTES = 10, 32 * 1024
_PAUSE_NANO = 30 * 1_000_000_000
_LIFE_SECONDS = 24 * 3600
_REMEMBERED = 10_000
"""Projects and signals whose last sample is remembered; when there are more, all are forgotten."""


class Sampler:
    """Decides when it is time for a new sample; one in a process. May be used from many threads."""

    def __init__(self) -> None:
        self._due_unix_nano: dict[tuple[str, Signal], int] = {}

    def offer(
        self, project_id: str, signal: Signal, records: Sequence[Any], telemetry: Table, now_unix_nano: int
    ) -> None:
        """Keep the last of `records` (dicts, which may hold JSON that is written already), if it is time.

        A sample that cannot be kept is lost: nobody waits for it.
        """
        place = (project_id, signal)
        if now_unix_nano < self._due_unix_nano.get(place, 0):
            return
        if len(self._due_unix_nano) >= _REMEMBERED:
            self._due_unix_nano.clear()
        self._due_unix_nano[place] = now_unix_nano + _PAUSE_NANO
        expires = now_unix_nano // 1_000_000_000 + _LIFE_SECONDS
        try:
            telemetry.put(items.encode_sample(project_id, signal, _last(records), expires))
        except HeadraceError as problem:
            warn("sample_lost", project_id=project_id, reason=str(problem))


def _last(records: Sequence[Any]) -> str:
    """The last records as a JSON array within the bounds; one that is too large by itself is passed over."""
    left, found = BYTES - len("[]"), []
    for record in reversed(records[-RECORDS:]):
        text = orjson.dumps(record)
        if len(text) + 1 <= left:
            found.append(text)
            left -= len(text) + 1
    return f"[{b','.join(reversed(found)).decode()}]"
