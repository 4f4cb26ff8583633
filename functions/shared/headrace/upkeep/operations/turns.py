"""Whose turn a schedule is when several processes have it: a small item says when it is due next.

Who moves that time on, under the condition that nobody else has done so, runs the schedule this time. No process is
the leader for longer than that, so none is missed when it dies.
"""

from datetime import timedelta

from headrace.errors import Conflict
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, Condition, Table
from headrace.times import nanoseconds
from headrace.upkeep.wire import items

_EARLY = 20
"""Timers of processes are never in step: a twentieth of the period too early is in time."""


def take_turn(name: str, every: timedelta, config: Table, clock: Clock) -> bool:
    """Whether the caller is the one to run the schedule `name` now.

    Raises:
        Unavailable: the table is down; nobody can tell.
    """
    now, period = clock.now_unix_nano(), nanoseconds(every)
    stored = config.get(items.SCHEDULE, name)
    if stored is not None and now < stored["due_unix_nano"] - period // _EARLY:
        return False
    still = ABSENT if stored is None else Condition(exists=True, equals={"due_unix_nano": stored["due_unix_nano"]})
    try:
        config.put({"pk": items.SCHEDULE, "sk": name, "due_unix_nano": now + period}, still)
    except Conflict:
        return False
    return True
