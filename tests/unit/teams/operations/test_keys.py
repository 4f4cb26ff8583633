"""API keys: shown once, stored as hashes, revoked for good, and last used when they say."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import Conflict, NotAuthenticated, NotFound, Unavailable
from headrace.ports.table import Update
from headrace.teams.domain.keys import hash_key, well_formed
from headrace.teams.operations.keys import MOST_KEYS, NewKey, create_key, revoke_key
from headrace.teams.operations.projects import create_project, delete_project
from headrace.teams.stages.authenticate import ApiKeys
from headrace.teams.wire.items import KEY, key_pk
from headrace.upkeep.operations.change import Person
from tests.functions.management import Api, Reply, make_needs

CACHE = timedelta(seconds=30)
CREATED = "2023-11-14T22:13:20Z"


class Shop:
    """A project of Ada's and its keys."""

    def __init__(self) -> None:
        self.needs = make_needs()
        self.api = Api(self.needs)
        self.project_id = create_project("shop", "ada", self.needs.teams())

    def call(self, method: str, path: str = "", body=None, project_id=None, **query) -> Reply:
        whole = f"/projects/{project_id or self.project_id}/api-keys{path}"
        return self.api.call(method, whole, body, token=self.api.token_of("ada"), query=query)

    @property
    def author(self) -> Person:
        return Person(self.project_id, "ada")

    def new_key(self, name: str) -> NewKey:
        """Without the API."""
        return create_key(self.author, name, self.needs.teams())

    def key(self, name: str = "collector") -> dict[str, str]:
        reply = self.call("POST", "", {"name": name})
        assert reply.status == 201
        return reply.json

    @property
    def listed(self) -> list[dict]:
        return self.call("GET").json["items"]

    def instance(self) -> ApiKeys:
        """What one instance of a function remembers."""
        return ApiKeys(self.needs.config, self.needs.clock, ttl=CACHE)

    def stored(self, key: str) -> dict | None:
        return self.needs.config.get(key_pk(hash_key(key)), KEY)


@pytest.fixture
def shop() -> Shop:
    return Shop()


# --- making, listing, revoking -------------------------------------------------------------------------------------


def test_a_key_is_shown_whole_once_and_works(shop):
    made = shop.key("production")
    assert well_formed(made["key"])
    assert made == {
        "id": made["id"],
        "name": "production",
        "prefix": made["key"][:9],
        "key": made["key"],
        "created_at": CREATED,
    }
    listed = {name: made[name] for name in ("id", "name", "prefix", "created_at")}
    assert shop.listed == [{**listed, "last_used_at": None}]
    assert shop.instance().project_of(made["key"]) == shop.project_id


def test_of_a_key_only_a_hash_and_its_beginning_are_stored(shop):
    key = shop.key()["key"]
    stored = str(shop.needs.config.items)
    assert hash_key(key) in stored
    assert key not in stored
    assert key[9:] not in stored


def test_several_keys_live_at_once(shop):
    keys = [shop.key(name)["key"] for name in ("old", "new", "new")]
    assert {shop.instance().project_of(key) for key in keys} == {shop.project_id}
    assert sorted(each["name"] for each in shop.listed) == ["new", "new", "old"]


def test_a_revoked_key_stops_working_everywhere_within_the_cache_time(shop):
    made, other = shop.key(), shop.key()
    instances = [shop.instance() for _ in range(3)]
    for instance in instances:
        assert instance.project_of(made["key"]) == shop.project_id
    reply = shop.call("DELETE", f"/{made['id']}")
    assert (reply.status, reply.body) == (204, b"")
    shop.needs.clock.advance(CACHE)
    for instance in [*instances, shop.instance()]:
        with pytest.raises(NotAuthenticated):
            instance.project_of(made["key"])
        assert instance.project_of(other["key"]) == shop.project_id
    assert [each["id"] for each in shop.listed] == [other["id"]]
    assert shop.stored(made["key"]) is None


def test_a_key_is_revoked_once(shop):
    made = shop.key()
    assert [shop.call("DELETE", f"/{made['id']}").status for _ in range(2)] == [204, 404]
    assert shop.call("DELETE", "/nobody").status == 404


def test_a_key_that_only_a_lagging_index_still_names_is_not_there(shop, monkeypatch):
    made = shop.key()
    page = shop.needs.config.query
    stale = {}
    monkeypatch.setattr(shop.needs.config, "query", lambda places, **how: stale.setdefault(places, page(places, **how)))
    assert [shop.call("DELETE", f"/{made['id']}").status for _ in range(2)] == [204, 404]
    shop.key()  # the count is right


def test_a_key_of_another_project_is_not_there(shop):
    made = shop.key()
    other = create_project("other", "ada", shop.needs.teams())
    assert shop.call("DELETE", f"/{made['id']}", project_id=other).status == 404
    assert shop.call("GET", project_id=other).json["items"] == []
    assert shop.instance().project_of(made["key"]) == shop.project_id


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "name", "is missing"),
        ({"name": ""}, "name", "at least 1 character"),
        ({"name": "  "}, "name", "blank"),
        ({"name": "x" * 101}, "name", "at most 100 characters"),
        ({"name": "a\nb"}, "name", "control characters"),
        ({"name": ["x"]}, "name", "a string"),
        ({"name": "x", "key": "hr_mine"}, "key", "not a field"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_by_its_field(shop, body, field, words):
    reply = shop.call("POST", "", body)
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, field)
    assert words in reply.json["errors"][0]["message"]
    assert shop.listed == []


def test_a_project_has_as_many_keys_as_the_message_says(shop):
    made = [shop.new_key(f"key {number}") for number in range(MOST_KEYS)]
    reply = shop.call("POST", "", {"name": "one more"})
    assert reply.status == 409
    assert "at most 100 API keys" in reply.detail
    revoke_key(shop.author, made[7].id, shop.needs.teams())
    assert shop.call("POST", "", {"name": "one more"}).status == 201


def test_keys_made_and_revoked_at_once_are_counted_right(shop):
    made = [create_key(Person(shop.project_id, "ada"), "key", shop.needs.teams()) for _ in range(MOST_KEYS - 4)]
    barrier = threading.Barrier(8)

    def work(number: int) -> object:
        barrier.wait(30)
        try:
            return create_key(Person(shop.project_id, "ada"), "key", shop.needs.teams())
        except Conflict as full:
            return full

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(work, range(8)))
    assert sum(isinstance(end, Conflict) for end in ends) == 4
    for each in made:
        revoke_key(shop.author, each.id, shop.needs.teams())
    assert len(shop.listed) == 4


def test_a_project_that_is_gone_gets_no_key(shop):
    delete_project(Person(shop.project_id, ""), shop.needs.teams())
    for project_id in (shop.project_id, "never-was"):
        with pytest.raises(NotFound):
            create_key(Person(project_id, "ada"), "key", shop.needs.teams())
    assert [item for item in shop.needs.config.items if item["sk"] == KEY] == []


def test_the_key_of_a_deleted_project_stops_working(shop):
    key = shop.key()["key"]
    shop.needs.wiring.outage = Unavailable("down")  # even if the rest of the deletion has to wait
    delete_project(Person(shop.project_id, ""), shop.needs.teams())
    with pytest.raises(NotAuthenticated):
        shop.instance().project_of(key)


@given(count=st.integers(0, 9), limit=st.integers(1, 10))
@settings(max_examples=40, deadline=None)
def test_pages_put_together_are_every_key_once(count, limit):
    shop = Shop()
    ids = sorted(shop.new_key(f"key {number}").id for number in range(count))
    found, cursor = [], {}
    while cursor is not None:
        page = shop.call("GET", limit=limit, **cursor).json
        assert len(page["items"]) <= limit
        found += [each["id"] for each in page["items"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert found == ids


# --- last used -----------------------------------------------------------------------------------------------------


@pytest.fixture
def writes(shop, monkeypatch):
    """Every update of the config table."""
    seen = []
    real = shop.needs.config.update
    monkeypatch.setattr(shop.needs.config, "update", lambda change: seen.append(change) or real(change))
    return seen


def test_a_key_says_when_it_was_last_used(shop):
    made = shop.key()
    shop.needs.clock.advance(minutes=5)
    shop.instance().project_of(made["key"])
    assert shop.listed[0]["last_used_at"] == "2023-11-14T22:18:20Z"


def test_an_hour_of_use_by_many_instances_costs_one_write(shop, writes):
    key = shop.key()["key"]
    instances = [shop.instance() for _ in range(5)]
    for _ in range(119):
        for instance in instances:
            instance.project_of(key)
        shop.needs.clock.advance(seconds=30)
    assert len(writes) == 1
    shop.needs.clock.advance(seconds=30)
    for instance in instances:
        instance.project_of(key)
    assert len(writes) == 2
    assert shop.listed[0]["last_used_at"] == "2023-11-14T23:13:20Z"


def test_a_key_that_is_not_used_or_not_known_costs_no_write(shop, writes):
    shop.key()
    with pytest.raises(NotAuthenticated):
        shop.instance().project_of("hr_000000000000000000000000000000002wjyrI")
    assert writes == []


@pytest.mark.parametrize("problem", [Unavailable("down"), Conflict("somebody was faster")])
def test_a_write_that_fails_fails_no_request(shop, monkeypatch, problem):
    key = shop.key()["key"]

    def fail(_: Update) -> None:
        raise problem

    monkeypatch.setattr(shop.needs.config, "update", fail)
    assert shop.instance().project_of(key) == shop.project_id


def test_a_key_that_is_revoked_while_it_is_read_is_not_brought_back(shop, monkeypatch):
    made = shop.key()
    read = shop.needs.config.get

    def revoke_after_reading(pk: str, sk: str):
        item = read(pk, sk)
        if sk == KEY and item is not None:
            monkeypatch.setattr(shop.needs.config, "get", read)
            revoke_key(shop.author, made["id"], shop.needs.teams())
        return item

    monkeypatch.setattr(shop.needs.config, "get", revoke_after_reading)
    shop.instance().project_of(made["key"])
    assert shop.stored(made["key"]) is None
    assert shop.listed == []
