"""Members: accounts with a role in a project. There is always an owner, and only owners make and unmake owners."""

from headrace.api.roles import Role
from headrace.errors import Conflict, NotAllowed, NotFound
from headrace.ports.items import project_pk
from headrace.ports.table import ABSENT, PRESENT, Delete, Item, Page, Put, Range, Table, Update
from headrace.teams.operations.needs import TeamsNeeds
from headrace.teams.operations.projects import locked_project, membership_item
from headrace.teams.wire import items
from headrace.upkeep.operations.change import Author, Change

MOST_MEMBERS = 100


def add_member(author: Author, account_id: str, role: Role, needs: TeamsNeeds, *, by: Role) -> Item:
    """Make an account a member; `by` is the role of who asks for it. Returns the membership.

    Raises:
        NotAllowed: only an owner may name another.
        Conflict: it is a member already, or there are as many as there may be.
    """
    _check_owners_only(by, role)
    membership = membership_item(author.project_id, account_id, role, needs.clock.now_unix_nano())

    def plan(change: Change) -> Item:
        project = locked_project(change, author.project_id)
        if change.read(membership["pk"], membership["sk"]) is not None:
            raise Conflict("this account is a member already: change its role instead")
        if project["members"] >= MOST_MEMBERS:
            raise Conflict(f"a project has at most {MOST_MEMBERS} members")
        change.update(project, {"members": project["members"] + 1, "owners": project["owners"] + _owner(role)})
        change.write(Put(membership, ABSENT))
        change.audit("member.add", account_id, f"role {role}")
        return membership

    return needs.changes.make(author, plan)


def change_role(author: Author, account_id: str, role: Role, needs: TeamsNeeds, *, by: Role) -> Item:
    """Give a member another role; return the membership.

    Raises:
        NotFound: there is no such member.
        NotAllowed: only an owner may make or unmake one.
        Conflict: it is the last owner.
    """

    def plan(change: Change) -> Item:
        project, membership = locked_project(change, author.project_id), _load(change, author.project_id, account_id)
        _check_owners_only(by, membership["role"], role)
        change.update(project, {"owners": _owners_after(project, _owner(role) - _owner(membership["role"]))})
        change.write(Update(membership["pk"], membership["sk"], set={"role": role}, condition=PRESENT))
        change.audit("member.change", account_id, f"role {role}")
        return {**membership, "role": role}

    return needs.changes.make(author, plan)


def remove_member(author: Author, account_id: str, needs: TeamsNeeds, *, by: Role) -> None:
    """Let an account be no member any more.

    Raises:
        NotFound: there is no such member.
        NotAllowed: only an owner may remove one.
        Conflict: it is the last owner.
    """

    def plan(change: Change) -> None:
        project, membership = locked_project(change, author.project_id), _load(change, author.project_id, account_id)
        _check_owners_only(by, membership["role"])
        owners = _owners_after(project, -_owner(membership["role"]))
        change.update(project, {"owners": owners, "members": project["members"] - 1})
        change.write(Delete(membership["pk"], membership["sk"], PRESENT))
        change.audit("member.remove", account_id)

    needs.changes.make(author, plan)


def page_of_members(project_id: str, config: Table, *, limit: int, cursor: str | None = None) -> Page:
    """Some memberships of a project. Raises InvalidInput when the cursor is not one of ours."""
    places = Range(project_pk(project_id), prefix=items.MEMBER_PREFIX)
    return config.query(places, limit=limit, cursor=cursor)


def account_id_of(membership: Item) -> str:
    """The account that a membership is of."""
    return str(membership["sk"].removeprefix(items.MEMBER_PREFIX))


def _load(change: Change, project_id: str, account_id: str) -> Item:
    membership = change.read(project_pk(project_id), items.member_sk(account_id))
    if membership is None:
        raise NotFound("there is no such member")
    return membership


def _owner(role: Role) -> int:
    return int(role == "owner")


def _owners_after(project: Item, more: int) -> int:
    owners = int(project["owners"]) + more
    if owners < 1:
        raise Conflict("this is the last owner: make somebody else one first")
    return owners


def _check_owners_only(by: Role, *roles: Role) -> None:
    if by != "owner" and "owner" in roles:
        raise NotAllowed(f"only an owner may name, change or remove an owner; your role is {by}")
