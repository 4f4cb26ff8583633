"""Members: accounts with a role in a project. There is always an owner, and only owners make and unmake owners."""

from collections.abc import Sequence

from headrace.api.roles import Role
from headrace.errors import Conflict, NotAllowed, NotFound
from headrace.ports.table import ABSENT, PRESENT, Delete, Item, Page, Put, Range, Table, Update
from headrace.teams.operations.projects import change_project, membership_item
from headrace.upkeep.operations.ports import Ports
from headrace.upkeep.wire import items

MOST_MEMBERS = 100


def add_member(
    project_id: str, account_id: str, role: Role, ports: Ports, *, by: Role, also: Sequence[Put] = ()
) -> Item:
    """Make an account a member, and write `also` in the same transaction; `by` is the role of who asks for it.

    Raises:
        NotAllowed: only an owner may name another.
        Conflict: it is a member already, or there are as many as there may be.
    """
    _check_owners_only(by, role)
    membership = membership_item(project_id, account_id, role, ports.clock.now_unix_nano())

    def plan(project: Item) -> tuple[dict[str, int], list[Put]]:
        if ports.config.get(membership["pk"], membership["sk"]) is not None:
            raise Conflict("this account is a member already: change its role instead")
        if project["members"] >= MOST_MEMBERS:
            raise Conflict(f"a project has at most {MOST_MEMBERS} members")
        counts = {"members": project["members"] + 1, "owners": project["owners"] + _owner(role)}
        return counts, [Put(membership, ABSENT), *also]

    change_project(project_id, plan, ports.config)
    return membership


def change_role(
    project_id: str, account_id: str, role: Role, ports: Ports, *, by: Role, also: Sequence[Put] = ()
) -> Item:
    """Give a member another role; return the membership.

    Raises:
        NotFound: there is no such member.
        NotAllowed: only an owner may make or unmake one.
        Conflict: it is the last owner.
    """

    def plan(project: Item) -> tuple[dict[str, int], list[Put | Update]]:
        before: Role = _load(project_id, account_id, ports.config)["role"]
        _check_owners_only(by, before, role)
        owners = _owners_after(project, _owner(role) - _owner(before))
        pk, sk = items.project_pk(project_id), items.member_sk(account_id)
        return {"owners": owners}, [Update(pk, sk, set={"role": role}, condition=PRESENT), *also]

    change_project(project_id, plan, ports.config)
    return _load(project_id, account_id, ports.config)


def remove_member(project_id: str, account_id: str, ports: Ports, *, by: Role, also: Sequence[Put] = ()) -> None:
    """Let an account be no member any more.

    Raises:
        NotFound: there is no such member.
        NotAllowed: only an owner may remove one.
        Conflict: it is the last owner.
    """

    def plan(project: Item) -> tuple[dict[str, int], list[Put | Delete]]:
        before: Role = _load(project_id, account_id, ports.config)["role"]
        _check_owners_only(by, before)
        counts = {"owners": _owners_after(project, -_owner(before)), "members": project["members"] - 1}
        gone = Delete(items.project_pk(project_id), items.member_sk(account_id), PRESENT)
        return counts, [gone, *also]

    change_project(project_id, plan, ports.config)


def page_of_members(project_id: str, config: Table, *, limit: int, cursor: str | None = None) -> Page:
    """Some memberships of a project. Raises InvalidInput when the cursor is not one of ours."""
    places = Range(items.project_pk(project_id), prefix=items.MEMBER_PREFIX)
    return config.query(places, limit=limit, cursor=cursor)


def account_id_of(membership: Item) -> str:
    """The account that a membership is of."""
    return str(membership["sk"].removeprefix(items.MEMBER_PREFIX))


def _load(project_id: str, account_id: str, config: Table) -> Item:
    membership = config.get(items.project_pk(project_id), items.member_sk(account_id))
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
