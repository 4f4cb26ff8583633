"""The door of the schedule: finishes what interrupted changes have left. See `control.reconcile`."""

from headrace import bootstrap
from headrace.control.reconcile import reconcile
from headrace.entry.schedule import door

handler = door("reconcile", lambda: reconcile(bootstrap.controlling()))
