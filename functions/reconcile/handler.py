"""The door of the schedule: finishes what interrupted changes have left, and tells about dead letters.

See `control.reconcile` and `control.watch_dead_letters`.
"""

from headrace import bootstrap
from headrace.control.reconcile import reconcile
from headrace.control.watch_dead_letters import watch_dead_letters
from headrace.entry.schedule import door


def upkeep() -> None:
    """Do both."""
    reconcile(bootstrap.upkeep())
    watch_dead_letters(bootstrap.upkeep())


handler = door("reconcile", upkeep)
