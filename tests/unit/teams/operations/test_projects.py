"""Projects through the management API: made, listed, renamed, deleted, and seen by their members alone."""

from concurrent.futures import ThreadPoolExecutor
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import Conflict, InvalidInput, NotFound, Unavailable
from headrace.ports.items import project_pk
from headrace.ports.table import Update
from headrace.teams.operations.projects import (
    create_project,
    delete_project,
    find_project,
    load_project,
    locked_project,
    rename_project,
)
from headrace.teams.wire.items import account_pk, member_sk
from headrace.upkeep.operations.change import Change, Person
from headrace.upkeep.wire.items import PROJECT
from tests.functions.management import Api, make_needs


@pytest.fixture
def api() -> Api:
    return Api(make_needs())


def made(api, name="shop", owner="ada") -> str:
    reply = api.post("/projects", {"name": name}, token=api.token_of(owner))
    assert reply.status == 201, reply.body
    return reply.json["id"]


def member(api, project_id, account_id, role) -> str:
    """The access token of a new member."""
    pk = project_pk(project_id)
    item = {"role": role, "added_unix_nano": 0, "gsi_pk": account_pk(account_id), "gsi_sk": pk}
    api.needs.config.put({"pk": pk, "sk": member_sk(account_id), **item})
    return api.token_of(account_id)


def listed(api, account_id="ada", **query) -> list[dict]:
    reply = api.get("/projects", token=api.token_of(account_id), query=query)
    assert reply.status == 200
    return reply.json["items"]


# --- making and changing -------------------------------------------------------------------------------------------


def test_who_makes_a_project_owns_it_and_finds_it_in_the_list(api):
    reply = api.post("/projects", {"name": "shop"}, token=api.token_of("ada"))
    assert reply.status == 201
    assert {**reply.json, "id": ""} == {
        "id": "",
        "name": "shop",
        "role": "owner",
        "created_at": "2023-11-14T22:13:20Z",
    }
    assert api.get(f"/projects/{reply.json['id']}", token=api.token_of("ada")).json == reply.json
    assert listed(api) == [reply.json]
    assert len(api.needs.wiring.subscriptions()) == 3


def test_with_the_engine_down_there_is_a_project_all_the_same_whose_queues_come_later(api):
    api.needs.wiring.outage = Unavailable("down")
    assert listed(api) == [] != made(api)
    assert len(listed(api)) == 1


def test_spaces_around_a_name_do_not_count(api):
    project_id = made(api, "  my shop ")
    assert listed(api)[0]["name"] == "my shop"
    assert find_project(" my shop", "ada", api.needs.config) == project_id


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "name", "is missing"),
        ({"name": ""}, "name", "at least 1 character"),
        ({"name": " \t\n"}, "name", "blank"),
        ({"name": "x" * 101}, "name", "at most 100 characters"),
        ({"name": "a\x00b"}, "name", "control characters"),
        ({"name": "a\u202eb"}, "name", "control characters"),
        ({"name": 7}, "name", "a string"),
        ({"name": None}, "name", "a string"),
        ({"name": "shop", "owner": "eve"}, "owner", "not a field"),
        ({"name": "shop", "id": "mine"}, "id", "not a field"),
        ([], "", "a JSON object"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_by_its_field_and_nothing_is_made(api, body, field, words):
    reply = api.post("/projects", body, token=api.token_of("ada"))
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, field)
    assert words in reply.json["errors"][0]["message"]
    assert api.needs.config.items == []


@pytest.mark.parametrize("name", ["x" * 100, "ä", "💧", "a  b"])
def test_a_name_may_be_anything_that_people_read(api, name):
    made(api, name)
    assert listed(api)[0]["name"] == name


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_the_command_line_cannot_make_what_the_api_refuses(api, name):
    with pytest.raises(InvalidInput, match="name: 1 to 100 characters"):
        create_project(name, "ada", api.needs.teams())


def test_an_admin_renames_a_project_and_an_editor_does_not(api):
    project_id = made(api)
    admin, editor = (member(api, project_id, role, role) for role in ("admin", "editor"))
    assert api.call("PATCH", f"/projects/{project_id}", {"name": "nope"}, token=editor).status == 403
    reply = api.call("PATCH", f"/projects/{project_id}", {"name": "store"}, token=admin)
    assert (reply.status, reply.json["name"], reply.json["role"]) == (200, "store", "admin")
    assert listed(api)[0]["name"] == "store"


def test_changes_at_once_are_all_made(api):
    project_id = made(api)

    def one_more_key(change: Change) -> None:
        project = locked_project(change, project_id)
        change.update(project, {"keys": project["keys"] + 1})

    def work(number: int) -> None:
        for _ in range(5):
            api.needs.changes().make(Person(project_id, "ada"), one_more_key)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert load_project(project_id, api.needs.config)["keys"] == 20


def test_a_change_that_is_overtaken_for_ever_gives_up(api, monkeypatch):
    project_id = made(api)

    def overtaken(writes):
        raise Conflict("somebody was faster")

    monkeypatch.setattr(api.needs.config, "transact", overtaken)
    reply = api.call("PATCH", f"/projects/{project_id}", {"name": "x"}, token=api.token_of("ada"))
    assert reply.status == 503
    assert reply.headers["retry-after"] == "1"


# --- lists ---------------------------------------------------------------------------------------------------------


@given(names=st.lists(st.text("ab", min_size=1), max_size=12), limit=st.integers(1, 14), deleted=st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_pages_put_together_are_every_project_of_the_account_once_in_one_order(names, limit, deleted):
    api = Api(make_needs())
    ids = [create_project(name, "ada", api.needs.teams()) for name in names]
    create_project("of somebody else", "eve", api.needs.teams())
    for project_id in ids[:deleted]:
        delete_project(Person(project_id, ""), api.needs.teams())
    found, cursor, pages = [], {}, 0
    while True:
        reply = api.get("/projects", token=api.token_of("ada"), query={"limit": limit, **cursor})
        assert (reply.status, len(reply.json["items"]) <= limit) == (200, True)
        found += [each["id"] for each in reply.json["items"]]
        pages += 1
        if reply.json["next_cursor"] is None:
            break
        cursor = {"cursor": reply.json["next_cursor"]}
    assert found == sorted(ids[deleted:])
    assert pages <= max(1, ceil(len(ids) / limit))


def test_the_longest_page_holds_two_hundred(api):
    ids = sorted(create_project(f"p{number}", "ada", api.needs.teams()) for number in range(205))
    first = api.get("/projects", token=api.token_of("ada"), query={"limit": 200}).json
    rest = listed(api, limit=200, cursor=first["next_cursor"])
    assert [each["id"] for each in [*first["items"], *rest]] == ids
    assert len(rest) == 5


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5", ""])
def test_a_limit_out_of_bounds_is_refused_by_name(api, limit):
    reply = api.get("/projects", token=api.token_of("ada"), query={"limit": limit})
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, "limit")


@pytest.mark.parametrize(
    "path", ["/projects", "/projects/{id}/members", "/projects/{id}/api-keys", "/projects/{id}/audit"]
)
@pytest.mark.parametrize("cursor", ["x", "WyJhIiwiYiJd", "", "é", "x" * 2049])
def test_a_cursor_that_was_not_given_out_here_is_refused_by_name(api, path, cursor):
    reply = api.get(path.format(id=made(api)), token=api.token_of("ada"), query={"cursor": cursor})
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, "cursor")


def test_a_cursor_of_another_account_gives_nothing_away(api):
    for _ in range(2):
        made(api, owner="eve")
    cursor = api.get("/projects", token=api.token_of("eve"), query={"limit": 1}).json["next_cursor"]
    reply = api.get("/projects", token=api.token_of("ada"), query={"cursor": cursor})
    assert (reply.status, reply.json["errors"][0]["field"]) == (400, "cursor")


def test_a_lagging_index_shows_neither_what_is_gone_nor_a_role_that_was_taken(api, monkeypatch):
    gone, left, changed = (made(api, name) for name in ("gone", "left", "changed"))
    before = api.needs.config.query
    stale = {}

    def lagging(places, **how):
        if how.get("index"):
            return stale.setdefault(places, before(places, **how))
        return before(places, **how)

    monkeypatch.setattr(api.needs.config, "query", lagging)
    assert len(listed(api)) == 3
    delete_project(Person(gone, ""), api.needs.teams())
    api.needs.config.delete(project_pk(left), member_sk("ada"))
    api.needs.config.update(Update(project_pk(changed), member_sk("ada"), set={"role": "viewer"}))
    assert [(each["id"], each["role"]) for each in listed(api)] == [(changed, "viewer")]


def test_a_project_is_found_by_its_name_on_any_page(api):
    ids = {f"p{number}": create_project(f"p{number}", "ada", api.needs.teams()) for number in range(120)}
    assert all(find_project(name, "ada", api.needs.config) == project_id for name, project_id in ids.items())
    for name, account_id in (("p120", "ada"), ("p1", "eve")):
        with pytest.raises(NotFound, match=name):
            find_project(name, account_id, api.needs.config)


# --- deleting ------------------------------------------------------------------------------------------------------

MEMBER_PATHS = ["", "/members", "/api-keys", "/pipeline", "/sinks", "/status", "/audit"]


def test_a_deleted_project_is_gone_for_everybody_at_once(api):
    project_id = made(api)
    viewer = member(api, project_id, "vera", "viewer")
    assert api.call("DELETE", f"/projects/{project_id}", token=viewer).status == 403
    reply = api.call("DELETE", f"/projects/{project_id}", token=api.token_of("ada"))
    assert (reply.status, reply.body) == (204, b"")
    for token in (viewer, api.token_of("ada")):
        assert {api.get(f"/projects/{project_id}{path}", token=token).status for path in MEMBER_PATHS} == {404}
        assert api.get("/projects", token=token).json["items"] == []
    assert api.call("DELETE", f"/projects/{project_id}", token=api.token_of("ada")).status == 404


def test_a_half_deleted_project_is_seen_by_nobody_and_takes_no_change(api):
    project_id = made(api)
    admin = member(api, project_id, "adam", "admin")
    api.needs.wiring.outage = Unavailable("down")
    assert api.call("DELETE", f"/projects/{project_id}", token=api.token_of("ada")).status == 204
    assert api.needs.config.get(project_pk(project_id), PROJECT) is not None
    for token in (admin, api.token_of("ada")):
        assert {api.get(f"/projects/{project_id}{path}", token=token).status for path in MEMBER_PATHS} == {404}
        assert api.get("/projects", token=token).json["items"] == []
    assert api.post(f"/projects/{project_id}/api-keys", {"name": "x"}, token=admin).status == 404
    with pytest.raises(NotFound):
        find_project("shop", "ada", api.needs.config)
    with pytest.raises(NotFound):
        rename_project(Person(project_id, "ada"), "store", api.needs.teams())


def test_a_project_that_is_gone_answers_as_one_that_never_was(api):
    project_id = made(api)
    api.call("DELETE", f"/projects/{project_id}", token=api.token_of("ada"))
    gone, never = (api.get(f"/projects/{each}", token=api.token_of("ada")) for each in (project_id, "never-was"))
    assert (gone.status, gone.body) == (never.status, never.body)
