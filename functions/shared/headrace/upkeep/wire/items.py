"""Keys of stored items of what keeps engines and configuration together.

config table                                     pk               sk
  project, made by `teams`                       project#ID       project
  audit entry                                    project#ID       audit#TIME#ID
  intent, see `operations.reconcile`             intent           PROJECT#ID
  schedule, see `operations.turns`               schedule         NAME
"""

from headrace.ports.table import Item

PROJECT, INTENT, SCHEDULE = "project", "intent", "schedule"
AUDIT_PREFIX = "audit#"


def is_live(project: Item | None) -> bool:
    """Whether a project is there for its members: one that is being deleted is not, though its item is."""
    return project is not None and not project.get("deleting")


def audit_sk(at_unix_nano: int, entry_id: str) -> str:
    """Sort key of an audit entry: in the order of time, for as long as nanoseconds have 19 digits."""
    return f"{AUDIT_PREFIX}{at_unix_nano:019}#{entry_id}"
