"""Pace: the turns of one webhook, kept in the tables, so that all instances of a function keep it together."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

from headrace import events
from headrace.errors import Conflict, HeadraceError
from headrace.observability import warn
from headrace.ports.table import ABSENT, Condition, Table, Update
from headrace.route.domain.pace import Pace, hold, take_turn
from headrace.route.wire.delivery_items import PACE, decode_pace, encode_pace, pace_pk

_ATTEMPTS = 20
"""Each was overtaken by another message that got its turn."""
_CROWDED = timedelta(seconds=1)
_KEPT_SECONDS = 3600


def await_turn(url: str, now_unix_nano: int, telemetry: Table, *, waited: bool) -> timedelta:
    """How long a message to `url` has to wait; zero: it may go now. `waited`: it was told to wait before.

    When the table is down the message may go: a webhook that gets too much says so itself.
    """
    now_ms = now_unix_nano // 1_000_000
    return _change(url, now_ms, telemetry, lambda pace: take_turn(pace, now_ms, waited=waited))


def hold_back(url: str, now_unix_nano: int, wait: timedelta, telemetry: Table) -> None:
    """Let everything for `url` wait: it said that it takes nothing for so long."""
    now_ms = now_unix_nano // 1_000_000
    until_ms = now_ms + wait // timedelta(milliseconds=1)
    _change(url, now_ms, telemetry, lambda pace: (hold(pace, until_ms), wait))


def _change(url: str, now_ms: int, telemetry: Table, change: Callable[[Pace], tuple[Pace, timedelta]]) -> timedelta:
    pk = pace_pk(sha256(url.encode()).hexdigest())
    try:
        for _ in range(_ATTEMPTS):
            item = telemetry.get(pk, PACE)
            before = decode_pace(item)
            after, wait = change(before)
            if after == before:
                return wait
            unchanged = ABSENT if item is None else Condition(exists=True, equals=encode_pace(before))
            expires_at = max(now_ms, after.queued_ms) // 1000 + _KEPT_SECONDS
            try:
                telemetry.update(
                    Update(pk, PACE, {**encode_pace(after), "expires_at": expires_at}, condition=unchanged)
                )
            except Conflict:
                continue
            return wait
    except HeadraceError as problem:
        warn(events.PaceUnknown(reason=str(problem)))
        return timedelta(0)
    return _CROWDED
