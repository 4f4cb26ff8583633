"""The audit: every change with who and when, in the transaction of the change, newest first, for a year."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.api.routes import Call
from headrace.errors import Conflict
from headrace.ports.table import PRESENT, Update
from headrace.teams.operations.members import add_member
from headrace.teams.operations.projects import create_project
from headrace.teams.wire.items import ACCOUNT, EMAIL, account_pk, email_pk
from headrace.upkeep.operations.audit import KEPT, entry_put
from headrace.upkeep.operations.change import Person
from tests.functions.management import Api, Reply, make_needs

START = "2023-11-14T22:13:20Z"


class Office:
    """A project of Ada's, with Bob, whose changes are on record."""

    def __init__(self) -> None:
        self.needs = make_needs()
        self.api = Api(self.needs)
        for name in ("ada", "bob"):
            account = {"pk": account_pk(name), "sk": ACCOUNT, "email": f"{name}@example.com"}
            unique = {"pk": email_pk(f"{name}@example.com"), "sk": EMAIL, "account_id": name}
            self.needs.config.put(account)
            self.needs.config.put(unique)
        self.project_id = create_project("shop", "ada", self.needs.teams())

    def call(self, method: str, path: str, body=None, by: str = "ada", **query) -> Reply:
        whole = f"/projects/{self.project_id}{path}"
        return self.api.call(method, whole, body, token=self.api.token_of(by), query=query, address="198.51.100.4")

    def entries(self, **query) -> list[dict]:
        reply = self.call("GET", "/audit", **query)
        assert reply.status == 200
        return reply.json["items"]

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return [(each["action"], each["target"], each["detail"]) for each in self.entries()]


@pytest.fixture
def office() -> Office:
    return Office()


def test_an_entry_says_who_did_what_to_what_when_and_from_where(office):
    office.needs.clock.advance(seconds=5)
    office.call("PATCH", "", {"name": "store"})
    assert office.entries() == [
        {
            "at": "2023-11-14T22:13:25Z",
            "user_id": "ada",
            "email": "ada@example.com",
            "action": "project.rename",
            "target": office.project_id,
            "detail": "to store",
            "address": "198.51.100.4",
        },
        {
            "at": START,
            "user_id": "ada",
            "email": "ada@example.com",
            "action": "project.create",
            "target": office.project_id,
            "detail": "",
            "address": "",
        },
    ]


def test_every_change_of_members_and_keys_is_on_record(office):
    def tick(reply: Reply) -> Reply:
        assert reply.status < 300
        office.needs.clock.advance(seconds=1)
        return reply

    office.needs.clock.advance(seconds=1)
    tick(office.call("POST", "/members", {"email": "bob@example.com", "role": "viewer"}))
    tick(office.call("PATCH", "/members/bob", {"role": "editor"}))
    tick(office.call("DELETE", "/members/bob", by="bob"))
    key = tick(office.call("POST", "/api-keys", {"name": "collector"})).json
    tick(office.call("DELETE", f"/api-keys/{key['id']}"))
    assert office.told == [
        ("api_key.revoke", key["id"], ""),
        ("api_key.create", key["id"], "collector"),
        ("member.remove", "bob", ""),
        ("member.change", "bob", "role editor"),
        ("member.add", "bob", "role viewer"),
        ("project.create", office.project_id, ""),
    ]
    assert office.entries()[2]["email"] == "bob@example.com"


def test_no_entry_holds_a_key(office):
    key = office.call("POST", "/api-keys", {"name": "collector"}).json["key"]
    assert key[9:] not in str(office.entries())
    assert key[9:] not in str(office.needs.config.items)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/members", {"email": "ada@example.com", "role": "viewer"}, 409),
        ("POST", "/members", {"email": "nobody@example.com", "role": "viewer"}, 400),
        ("PATCH", "/members/ada", {"role": "viewer"}, 409),
        ("DELETE", "/members/ada", None, 409),
        ("DELETE", "/members/bob", None, 404),
        ("DELETE", "/api-keys/none", None, 404),
        ("POST", "/api-keys", {"name": ""}, 400),
        ("PATCH", "", {"name": ""}, 400),
        ("GET", "/members", None, 200),
        ("GET", "/audit", None, 200),
    ],
)
def test_what_was_not_changed_is_not_on_record(office, method, path, body, status):
    before = office.told
    assert office.call(method, path, body).status == status
    assert office.told == before


def test_an_entry_and_its_change_happen_together_or_not_at_all(office):
    entry = entry_put(office.project_id, "ada", "sink.delete", "s-1", office.needs.clock)
    with pytest.raises(Conflict):
        office.needs.config.transact([Update("project#x", "sink#s-1", set={"a": 1}, condition=PRESENT), entry])
    assert [action for action, _, _ in office.told] == ["project.create"]


def test_an_entry_is_made_of_the_call_that_it_records(office):
    call = Call({"project_id": office.project_id}, "192.0.2.1", account_id="bob")
    office.needs.clock.advance(seconds=1)
    office.needs.changes().make(call, lambda change: change.audit("sink.create", "s-1", "a webhook"))
    assert office.entries()[0] == {
        "at": "2023-11-14T22:13:21Z",
        "user_id": "bob",
        "email": "bob@example.com",
        "action": "sink.create",
        "target": "s-1",
        "detail": "a webhook",
        "address": "192.0.2.1",
    }


def test_who_has_no_account_any_more_is_on_record_all_the_same(office):
    office.needs.config.delete(account_pk("ada"), ACCOUNT)
    assert [(each["user_id"], each["email"]) for each in office.entries()] == [("ada", "")]


def test_entries_are_kept_for_a_year(office):
    assert timedelta(days=365) == KEPT
    office.needs.clock.advance(KEPT - timedelta(seconds=1))
    assert len(office.entries()) == 1
    office.needs.clock.advance(seconds=1)
    assert office.entries() == []


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 403), ("admin", 200), ("owner", 200)])
def test_admins_read_it(office, role, status):
    add_member(Person(office.project_id, "ada"), "bob", role, office.needs.teams(), by="owner")
    assert office.call("GET", "/audit", by="bob").status == status


@given(ticks=st.lists(st.integers(0, 2), max_size=12), limit=st.integers(1, 14))
@settings(max_examples=50, deadline=None)
def test_pages_put_together_are_every_entry_once_newest_first(ticks, limit):
    office = Office()
    for number, tick in enumerate(ticks):
        office.needs.clock.advance(seconds=tick)
        office.needs.config.transact([entry_put(office.project_id, "ada", "x.y", str(number), office.needs.clock)])
    found, cursor = [], {}
    while cursor is not None:
        page = office.call("GET", "/audit", limit=limit, **cursor).json
        assert len(page["items"]) <= limit
        found += page["items"]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert sorted(each["target"] for each in found) == sorted([office.project_id, *map(str, range(len(ticks)))])
    assert [each["at"] for each in found] == sorted((each["at"] for each in found), reverse=True)
