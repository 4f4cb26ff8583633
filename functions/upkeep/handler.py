"""The door of the schedule: finishes what interrupted changes have left, and tells about dead letters.

See `upkeep.operations.reconcile` and `upkeep.operations.watch_dead_letters`.
"""

from headrace import bootstrap
from headrace.entry.schedule import door
from headrace.upkeep.operations.reconcile import reconcile
from headrace.upkeep.operations.watch_dead_letters import watch_dead_letters


def upkeep() -> None:
    """Do both."""
    reconcile(bootstrap.upkeep())
    watch_dead_letters(bootstrap.upkeep())


handler = door("upkeep", upkeep)
