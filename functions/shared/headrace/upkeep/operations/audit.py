"""The audit: who changed what and when. Entries are written together with the change, and kept for a year.

An entry names what was changed and never holds a secret. It goes with its project.
"""

from datetime import timedelta
from uuid import uuid4

from headrace.ports.clock import Clock
from headrace.ports.items import project_pk
from headrace.ports.table import ABSENT, Page, Put, Range, Table
from headrace.times import expiry
from headrace.upkeep.wire import items

KEPT = timedelta(days=365)


def entry_put(
    project_id: str, account_id: str, action: str, target: str, clock: Clock, address: str = "", detail: str = ""
) -> Put:
    """The write that records a change; it belongs into the transaction of the change.

    `action` is what was done to a kind of thing, such as `sink.create`; `target` is the id of the thing. `detail` says
    more in a few words that hold no secret.
    """
    now = clock.now_unix_nano()
    return Put(
        {
            "pk": project_pk(project_id),
            "sk": items.audit_sk(now, uuid4().hex),
            "at_unix_nano": now,
            "account_id": account_id,
            "action": action,
            "target": target,
            "detail": detail,
            "address": address,
            "expires_at": expiry(now, KEPT),
        },
        ABSENT,
    )


def page_of_audit(project_id: str, config: Table, *, limit: int, cursor: str | None = None) -> Page:
    """Some entries of a project, newest first. Raises InvalidInput when the cursor is not one of ours."""
    places = Range(project_pk(project_id), prefix=items.AUDIT_PREFIX)
    return config.query(places, limit=limit, cursor=cursor, descending=True)
