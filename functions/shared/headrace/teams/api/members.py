"""Members of a project, and what each may do.

A viewer reads; an editor also changes the pipeline and sinks, and redrives dead letters; an admin also manages keys and
members; an owner also deletes the project, and makes and unmakes owners.
"""

from collections.abc import Sequence

from headrace.api.models import PageIn
from headrace.api.routes import Answer, Call, Route
from headrace.errors import InvalidInput
from headrace.ports.table import Item
from headrace.teams.operations import members
from headrace.teams.operations.accounts import accounts_by_id, find_account
from headrace.teams.operations.needs import TeamsNeeds
from headrace.teams.wire.project_models import MemberIn, MemberOut, MembersOut, RoleIn
from headrace.times import timestamp


def list_members(call: Call, needs: TeamsNeeds) -> Answer:
    """Who is a member, and with which role."""
    query: PageIn = call.query
    page = members.page_of_members(call.project_id, needs.config, limit=query.limit, cursor=query.cursor)
    return Answer(MembersOut(items=_members(page.items, needs), next_cursor=page.next_cursor))


def add_member(call: Call, needs: TeamsNeeds) -> Answer:
    """Make somebody a member who has an account. Only an owner may name another owner."""
    body: MemberIn = call.body
    account_id = find_account(body.email, needs.config)
    if account_id is None:
        raise InvalidInput("email: nobody has signed up with this address", field="email")
    added = members.add_member(call, account_id, body.role, needs, by=call.role)
    return Answer(_members([added], needs)[0])


def change_member(call: Call, needs: TeamsNeeds) -> Answer:
    """Give a member another role. Only an owner may make or unmake one, and there is always an owner."""
    body: RoleIn = call.body
    changed = members.change_role(call, call.path["user_id"], body.role, needs, by=call.role)
    return Answer(_members([changed], needs)[0])


def remove_member(call: Call, needs: TeamsNeeds) -> Answer:
    """Remove a member. Everybody may leave, whatever the role, but for the last owner."""
    members.remove_member(call, call.path["user_id"], needs, by=call.role)
    return Answer()


def _members(memberships: Sequence[Item], needs: TeamsNeeds) -> list[MemberOut]:
    accounts = accounts_by_id(map(members.account_id_of, memberships), needs.config)
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
