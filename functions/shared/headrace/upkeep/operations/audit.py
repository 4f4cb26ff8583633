"""The audit: who changed what and when. Entries are written together with the change, and kept for a year.

An entry names what was changed and never holds a secret. It goes with its project.
"""

from datetime import timedelta
from uuid import uuid4

from headrace.api.routes import Call
from headrace.ports.clock import Clock
from headrace.ports.table import ABSENT, Page, Put, Range, Table
from headrace.upkeep.operations.ports import Ports
from headrace.upkeep.wire import items

KEPT = timedelta(days=365)


def audit_put(call: Call, action: str, target: str, ports: Ports, *, detail: str = "") -> Put:
    """The write that records a change by the caller; it belongs into the transaction of the change.

    `action` is what was done to a kind of thing, such as `sink.create`; `target` is the id of the thing. `detail` says
    more in a few words that hold no secret.
    """
    return entry_put(call.project_id, call.account_id, action, target, ports.clock, address=call.address, detail=detail)


def entry_put(
    project_id: str, account_id: str, action: str, target: str, clock: Clock, *, address: str = "", detail: str = ""
) -> Put:
    """The same for those who are not called through the API."""
    now = clock.now_unix_nano()
    return Put(
        {
            "pk": items.project_pk(project_id),
            "sk": items.audit_sk(now, uuid4().hex),
            "at_unix_nano": now,
            "account_id": account_id,
            "action": action,
            "target": target,
            "detail": detail,
            "address": address,
            "expires_at": now // 1_000_000_000 + KEPT // timedelta(seconds=1),
        },
        ABSENT,
    )


def page_of_audit(project_id: str, config: Table, *, limit: int, cursor: str | None = None) -> Page:
    """Some entries of a project, newest first. Raises InvalidInput when the cursor is not one of ours."""
    places = Range(items.project_pk(project_id), prefix=items.AUDIT_PREFIX)
    return config.query(places, limit=limit, cursor=cursor, descending=True)
