"""Members of a project, and what each may do.

A viewer reads; an editor also changes the pipeline and sinks, and redrives dead letters; an admin also manages keys and
members; an owner also deletes the project, and makes and unmakes owners.
"""

from collections.abc import Sequence

from headrace.api.routes import Answer, Call, Route
from headrace.errors import InvalidInput
from headrace.ports.table import Item
from headrace.teams.operations import members
from headrace.teams.operations.accounts import accounts_by_id, find_account
from headrace.teams.wire.project_models import MemberIn, MemberOut, MembersOut, PageIn, RoleIn
from headrace.times import timestamp
from headrace.upkeep.operations.audit import audit_put
from headrace.upkeep.operations.ports import Ports


def list_members(call: Call, ports: Ports) -> Answer:
    """Who is a member, and with which role."""
    query: PageIn = call.query
    page = members.page_of_members(call.project_id, ports.config, limit=query.limit, cursor=query.cursor)
    return Answer(MembersOut(items=_members(page.items, ports), next_cursor=page.next_cursor))


def add_member(call: Call, ports: Ports) -> Answer:
    """Make somebody a member who has an account. Only an owner may name another owner."""
    body: MemberIn = call.body
    account_id = find_account(body.email, ports.config)
    if account_id is None:
        raise InvalidInput("email: nobody has signed up with this address", field="email")
    entry = audit_put(call, "member.add", account_id, ports, detail=f"role {body.role}")
    added = members.add_member(call.project_id, account_id, body.role, ports, by=call.role, also=[entry])
    return Answer(_members([added], ports)[0])


def change_member(call: Call, ports: Ports) -> Answer:
    """Give a member another role. Only an owner may make or unmake one, and there is always an owner."""
    body: RoleIn = call.body
    account_id = call.path["user_id"]
    entry = audit_put(call, "member.change", account_id, ports, detail=f"role {body.role}")
    changed = members.change_role(call.project_id, account_id, body.role, ports, by=call.role, also=[entry])
    return Answer(_members([changed], ports)[0])


def remove_member(call: Call, ports: Ports) -> Answer:
    """Remove a member. Everybody may leave, whatever the role, but for the last owner."""
    account_id = call.path["user_id"]
    entry = audit_put(call, "member.remove", account_id, ports)
    members.remove_member(call.project_id, account_id, ports, by=call.role, also=[entry])
    return Answer()


def _members(memberships: Sequence[Item], ports: Ports) -> list[MemberOut]:
    accounts = accounts_by_id(map(members.account_id_of, memberships), ports.config)
    return [_member(each, accounts.get(members.account_id_of(each), {})) for each in memberships]


def _member(membership: Item, account: Item) -> MemberOut:
    return MemberOut(
        user_id=members.account_id_of(membership),
        email=account.get("email", ""),
        name=account.get("name", ""),
        role=membership["role"],
        added_at=timestamp(membership["added_unix_nano"]),
    )


_PATH = "/projects/{project_id}/members"
_ONE = f"{_PATH}/{{user_id}}"

ROUTES = (
    Route("GET", _PATH, "viewer", list_members, "List members", query=PageIn, answer=MembersOut),
    Route(
        "POST",
        _PATH,
        "admin",
        add_member,
        "Add a member",
        body=MemberIn,
        answer=MemberOut,
        status=201,
        errors=(409,),
    ),
    Route(
        "PATCH", _ONE, "admin", change_member, "Change a member's role", body=RoleIn, answer=MemberOut, errors=(409,)
    ),
    Route("DELETE", _ONE, "admin", remove_member, "Remove a member, or leave", status=204, errors=(409,), or_self=True),
)
