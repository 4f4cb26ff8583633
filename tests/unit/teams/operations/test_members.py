"""Members through the management API: who may make whom what, and that there is always an owner."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.api.roles import ROLES, includes
from headrace.teams.operations.members import MOST_MEMBERS, add_member
from headrace.teams.operations.projects import create_project, load_project
from headrace.teams.wire.items import ACCOUNT, EMAIL, MEMBER_PREFIX, account_pk, email_pk
from headrace.upkeep.operations.change import Person
from tests.functions.management import Api, Reply, make_needs

PEOPLE = ("ada", "bob", "cyd", "dan")


class Team:
    """A project of Ada's, and people with accounts."""

    def __init__(self, needs=None) -> None:
        self.needs = needs or make_needs()
        self.api = Api(self.needs)
        for name in PEOPLE:
            self.sign_up(name)
        self.project_id = create_project("shop", "ada", self.needs.teams())

    def sign_up(self, name: str) -> None:
        email = f"{name}@example.com"
        account = {"pk": account_pk(name), "sk": ACCOUNT, "email": email, "name": name.title()}
        self.needs.config.put(account)
        self.needs.config.put({"pk": email_pk(email), "sk": EMAIL, "account_id": name})

    def call(self, by: str, method: str, path: str = "", body=None, **query) -> Reply:
        whole = f"/projects/{self.project_id}/members{path}"
        return self.api.call(method, whole, body, token=self.api.token_of(by), query=query)

    def add(self, by: str, name: str, role: str) -> Reply:
        return self.call(by, "POST", "", {"email": f"{name}@example.com", "role": role})

    def change(self, by: str, name: str, role: str) -> Reply:
        return self.call(by, "PATCH", f"/{name}", {"role": role})

    def remove(self, by: str, name: str) -> Reply:
        return self.call(by, "DELETE", f"/{name}")

    @property
    def roles(self) -> dict[str, str]:
        """What is stored."""
        stored = [item for item in self.needs.config.items if item["sk"].startswith(MEMBER_PREFIX)]
        return {item["sk"].removeprefix(MEMBER_PREFIX): item["role"] for item in stored}

    def with_roles(self, **roles: str) -> "Team":
        for name, role in roles.items():
            assert self.add("ada", name, role).status == 201
        return self


@pytest.fixture
def team() -> Team:
    return Team()


def test_a_member_comes_with_name_address_role_and_time(team):
    reply = team.add("ada", "bob", "editor")
    assert reply.status == 201
    assert reply.json == {
        "user_id": "bob",
        "email": "bob@example.com",
        "name": "Bob",
        "role": "editor",
        "added_at": "2023-11-14T22:13:20Z",
    }
    assert [(each["user_id"], each["role"]) for each in team.call("bob", "GET").json["items"]] == [
        ("ada", "owner"),
        ("bob", "editor"),
    ]


def test_an_account_that_is_gone_is_still_listed_as_a_member(team):
    team.with_roles(bob="viewer")
    team.needs.config.delete(account_pk("bob"), ACCOUNT)
    assert team.call("ada", "GET").json["items"][1] == {
        "user_id": "bob",
        "email": "",
        "name": "",
        "role": "viewer",
        "added_at": "2023-11-14T22:13:20Z",
    }


@pytest.mark.parametrize("email", ["BOB@Example.com", " bob@example.com "])
def test_spelling_of_an_address_does_not_count(team, email):
    assert team.call("ada", "POST", "", {"email": email, "role": "viewer"}).json["user_id"] == "bob"


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"email": "nobody@example.com", "role": "viewer"}, "email", "nobody has signed up with this address"),
        ({"email": "bob", "role": "viewer"}, "email", "must be an e-mail address"),
        ({"email": "bob@example.com", "role": "boss"}, "role", "'viewer', 'editor', 'admin' or 'owner'"),
        ({"email": "bob@example.com"}, "role", "is missing"),
        ({"role": "viewer"}, "email", "is missing"),
        ({"email": "bob@example.com", "role": "viewer", "user_id": "bob"}, "user_id", "not a field"),
    ],
)
def test_what_cannot_be_a_member_is_refused_by_its_field(team, body, field, words):
    reply = team.call("ada", "POST", "", body)
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, field)
    assert words in reply.json["errors"][0]["message"]
    assert team.roles == {"ada": "owner"}


def test_who_is_a_member_already_is_not_added_again(team):
    team.with_roles(bob="viewer")
    reply = team.add("ada", "bob", "admin")
    assert (reply.status, team.roles["bob"]) == (409, "viewer")
    assert "already" in reply.detail


def test_a_project_has_as_many_members_as_the_message_says(team):
    for number in range(MOST_MEMBERS - 1):
        add_member(Person(team.project_id, "ada"), f"account-{number}", "viewer", team.needs.teams(), by="owner")
    reply = team.add("ada", "bob", "viewer")
    assert (reply.status, reply.detail) == (409, "a project has at most 100 members")
    assert team.remove("ada", "account-7").status == 204
    assert team.add("ada", "bob", "viewer").status == 201


def test_a_member_may_leave_whatever_the_role(team):
    team.with_roles(bob="viewer", cyd="editor", dan="admin")
    for name in ("bob", "cyd", "dan"):
        assert team.remove(name, name).status == 204
    assert team.roles == {"ada": "owner"}
    assert team.remove("bob", "bob").status == 404


def test_a_viewer_may_remove_nobody_else(team):
    team.with_roles(bob="viewer", cyd="viewer")
    reply = team.remove("bob", "cyd")
    assert (reply.status, team.roles["cyd"]) == (403, "viewer")


def test_a_viewer_may_not_make_itself_more(team):
    team.with_roles(bob="viewer")
    assert team.change("bob", "bob", "owner").status == 403
    assert team.roles["bob"] == "viewer"


def test_the_last_owner_can_neither_leave_nor_become_less(team):
    team.with_roles(bob="admin")
    for reply in (team.remove("ada", "ada"), team.change("ada", "ada", "admin")):
        assert (reply.status, reply.detail) == (409, "this is the last owner: make somebody else one first")
    assert team.change("ada", "bob", "owner").status == 200
    assert team.remove("ada", "ada").status == 204
    assert team.roles == {"bob": "owner"}


def test_an_admin_manages_members_but_no_owners(team):
    team.with_roles(bob="admin", cyd="owner")
    assert team.add("bob", "dan", "admin").status == 201
    assert team.change("bob", "dan", "viewer").status == 200
    for reply in (team.change("bob", "dan", "owner"), team.change("bob", "cyd", "admin"), team.remove("bob", "cyd")):
        assert reply.status == 403
        assert "only an owner" in reply.detail
    assert team.remove("bob", "dan").status == 204
    assert team.add("bob", "dan", "owner").status == 403
    assert team.roles == {"ada": "owner", "bob": "admin", "cyd": "owner"}


@pytest.mark.parametrize("name", ["dan", "nobody"])
def test_who_is_no_member_is_not_found(team, name):
    assert (team.change("ada", name, "viewer").status, team.remove("ada", name).status) == (404, 404)


def test_a_new_role_counts_at_once(team):
    team.with_roles(bob="viewer")
    assert team.add("bob", "cyd", "viewer").status == 403
    team.change("ada", "bob", "admin")
    assert team.add("bob", "cyd", "viewer").status == 201
    team.remove("ada", "bob")
    assert team.call("bob", "GET").status == 404


@given(limit=st.integers(1, 8), count=st.integers(0, 7))
@settings(max_examples=30, deadline=None)
def test_pages_put_together_are_every_member_once(limit, count):
    team = Team()
    for number in range(count):
        add_member(Person(team.project_id, "ada"), f"account-{number}", "viewer", team.needs.teams(), by="owner")
    found, cursor = [], {}
    while cursor is not None:
        page = team.call("ada", "GET", limit=limit, **cursor).json
        assert len(page["items"]) <= limit
        found += [each["user_id"] for each in page["items"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert found == sorted(team.roles)


# --- roles as a whole ----------------------------------------------------------------------------------------------

steps = st.tuples(
    st.sampled_from(PEOPLE),
    st.sampled_from(("add", "change", "remove")),
    st.sampled_from(PEOPLE),
    st.sampled_from(ROLES),
)


def expected(roles: dict[str, str], by: str, action: str, whom: str, role: str) -> tuple[int, dict[str, str]]:
    """The status, and the roles afterwards: the rules of the contract, said once more."""
    mine, theirs = roles.get(by), roles.get(whom)
    if mine is None:
        return 404, roles
    leaving = action == "remove" and by == whom
    if not includes(mine, "admin") and not leaving:
        return 403, roles
    if action == "add" and theirs is not None and (mine == "owner" or role != "owner"):
        return 409, roles
    if action != "add" and theirs is None:
        return 404, roles
    touched = {"add": {role}, "change": {role, theirs}, "remove": {theirs}}[action]
    if "owner" in touched and mine != "owner":
        return 403, roles
    after = {name: each for name, each in roles.items() if name != whom}
    if action != "remove":
        after[whom] = role
    if "owner" not in after.values():
        return 409, roles
    return {"add": 201, "change": 200, "remove": 204}[action], after


@given(taken=st.lists(steps, max_size=15))
@settings(max_examples=150, deadline=None)
def test_whatever_members_do_to_one_another_follows_the_rules_and_leaves_an_owner(taken):
    team = Team()
    roles = {"ada": "owner"}
    for by, action, whom, role in taken:
        status, roles = expected(roles, by, action, whom, role)
        reply = team.remove(by, whom) if action == "remove" else getattr(team, action)(by, whom, role)
        assert (reply.status, team.roles) == (status, roles)
        project = load_project(team.project_id, team.needs.config)
        assert project["members"] == len(roles)
        assert project["owners"] == list(roles.values()).count("owner") >= 1
