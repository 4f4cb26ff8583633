"""The audit of a project: who changed what and when. Entries are kept for a year, and go with their project."""

from headrace.api.models import PageIn
from headrace.api.routes import Answer, Call, Route
from headrace.ports.table import Item
from headrace.teams.operations.accounts import accounts_by_id
from headrace.teams.operations.needs import TeamsNeeds
from headrace.teams.wire.project_models import AuditOut, AuditsOut
from headrace.times import timestamp
from headrace.upkeep.operations.audit import page_of_audit


def list_audit(call: Call, needs: TeamsNeeds) -> Answer:
    """What was changed, newest first."""
    query: PageIn = call.query
    page = page_of_audit(call.project_id, needs.config, limit=query.limit, cursor=query.cursor)
    accounts = accounts_by_id((item["account_id"] for item in page.items), needs.config)
    entries = [_entry(item, accounts.get(item["account_id"], {})) for item in page.items]
    return Answer(AuditsOut(items=entries, next_cursor=page.next_cursor))


def _entry(item: Item, account: Item) -> AuditOut:
    return AuditOut(
        at=timestamp(item["at_unix_nano"]),
        user_id=item["account_id"],
        email=account.get("email", ""),
        action=item["action"],
        target=item["target"],
        detail=item["detail"],
        address=item["address"],
    )


ROUTES = (
    Route(
        "GET",
        "/projects/{project_id}/audit",
        "admin",
        list_audit,
        "List changes",
        query=PageIn,
        answer=AuditsOut,
    ),
)
