"""Every route × every role × another project's ids, made from the routes themselves: a new one cannot be forgotten.

What has to come out follows from `Route.access`. What a call needs is derived: its body and query from the examples of
the models, its ids by adding what the path names, through the route that adds it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from headrace.api.openapi import error_statuses
from headrace.api.openapi_schemas import NoExample, Schemas
from headrace.api.roles import ROLES, includes
from headrace.api.routes import Route
from headrace.management import ROUTES
from headrace.teams.operations.accounts import create_account
from tests.fakes.expressions import FakeExpressions
from tests.functions.management import Api, Reply, cheap_passwords, make_needs
from tests.functions.runs import TRACED, store_run

CALLERS = ("nobody", "stranger", *ROLES)
_PARAMETER = re.compile(r"{(\w+)}")
_INVITED = "ada@example.com"
"""Who is in the examples of bodies that name somebody."""

IN_A_PROJECT = [route for route in ROUTES if route.access in ROLES]
NESTED = [route for route in IN_A_PROJECT if len(_PARAMETER.findall(route.path)) > 1]
each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
each_in_a_project = pytest.mark.parametrize("route", IN_A_PROJECT, ids=lambda route: route.name)
each_nested = pytest.mark.parametrize("route", NESTED, ids=lambda route: route.name)


def adding(path: str) -> Route:
    """The route that adds to the collection at `path`."""
    found = [route for route in ROUTES if (route.method, route.path) == ("POST", path)]
    assert found, f"nothing adds to {path}: say in `World.nested` how a test gets such an id"
    return found[0]


def example(model, kind: str):
    try:
        return Schemas([(model, "validation")]).example(model, "validation")
    except NoExample as missing:
        raise AssertionError(f"the {kind} {model.__name__} cannot be derived: {missing}") from missing


def query_of(route: Route) -> dict:
    if route.query is None:
        return {}
    required = {name for name, field in route.query.model_fields.items() if field.is_required()}
    return {name: value for name, value in example(route.query, "query").items() if name in required}


class Anything(FakeExpressions):
    """Takes every expression, and keeps every record."""

    def check(self, expression: str) -> None:
        pass

    def run(self, program, records):
        return [self._outcome(record) for record in records]

    @staticmethod
    def _outcome(record):
        from headrace.ports.program import Outcome

        return Outcome(kept=True, record=record)


@dataclass
class World:
    """A deployment with an account for each caller."""

    api: Api
    accounts: dict[str, str]

    def token(self, caller: str) -> str | None:
        return None if caller == "nobody" else self.api.token_of(self.accounts[caller])

    def project(self, owner: str = "owner") -> str:
        """A new project, where every caller has the role that they are named after."""
        made = self.api.post("/projects", {"name": "Payments"}, token=self.token(owner))
        assert made.status == 201, made.body
        if owner == "owner":
            for role in ROLES[:-1]:
                self.invite(made.json["id"], f"{role}@example.com", role)
        return made.json["id"]

    def invite(self, project_id: str, email: str, role: str, owner: str = "owner") -> None:
        body = {"email": email, "role": role}
        reply = self.api.post(f"/projects/{project_id}/members", body, token=self.token(owner))
        assert reply.status == 201, reply.body

    def nested(self, route: Route, project_id: str, owner: str = "owner") -> dict[str, str]:
        """Ids for the path of `route`, of things that are there."""
        path = {"project_id": project_id}
        for found in list(_PARAMETER.finditer(route.path))[1:]:
            collection = route.path[: found.start() - 1]
            if found[1] in TRACED:
                store_run(project_id, self.api.needs.telemetry, self.api.needs.clock)
                path[found[1]] = TRACED[found[1]]
                continue
            added = self.call(adding(collection), path, owner)
            assert added.status == 201, f"nothing could be added to {collection}: {added.body!r}"
            path[found[1]] = added.json.get(found[1]) or added.json["id"]
        return path

    def call(self, route: Route, path: dict[str, str], caller: str) -> Reply:
        """The route with its example body."""
        body = None if route.body is None else example(route.body, "body")
        filled = _PARAMETER.sub(lambda found: path[found[1]], route.path)
        return self.api.call(route.method, filled, body, token=self.token(caller), query=query_of(route))


def make_world() -> World:
    needs = make_needs(expressions=Anything())
    emails = {caller: f"{caller}@example.com" for caller in CALLERS[1:]} | {
        "invited": _INVITED,
        "other": "o@example.com",
    }
    accounts = {
        caller: create_account(email, "correct horse battery", needs.config, needs.clock)
        for caller, email in emails.items()
    }
    return World(Api(needs), accounts)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with cheap_passwords():
        yield make_world()


def assert_refused(reply: Reply, status: int, route: Route) -> None:
    assert reply.status == status, f"{route.name}: {reply.status} {reply.body!r}"
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["status"] == status


@pytest.mark.parametrize("caller", CALLERS)
@each_route
def test_who_may_call_what(world, route, caller):
    needs = route.access
    path = world.nested(route, world.project()) if needs in ROLES else {}
    reply = world.call(route, path, caller)
    if needs != "public" and caller == "nobody":
        assert_refused(reply, 401, route)
    elif needs in ROLES and caller == "stranger":
        assert_refused(reply, 404, route)
    elif needs in ROLES and not includes(caller, needs):
        assert_refused(reply, 403, route)
        assert f"needs the role {needs}, yours is {caller}" in reply.detail
    else:
        may_be = {route.status, *route.errors}
        assert reply.status in may_be, f"{route.name}: {reply.status} {reply.body!r}"
        assert reply.status in {route.status, *error_statuses(route)}


@each_in_a_project
def test_a_project_of_others_is_a_project_that_is_not_there(world, route):
    theirs = world.project("other")
    path = world.nested(route, theirs, "other")
    missing = {**path, "project_id": str(uuid4())}
    replies = [world.call(route, each, "owner") for each in (path, missing)]
    for reply in replies:
        assert_refused(reply, 404, route)
    assert replies[0].body == replies[1].body


@each_nested
def test_what_belongs_to_another_project_is_not_there_under_ones_own(world, route):
    ours, theirs = world.project(), world.project("other")
    if not any(parameter in route.path for parameter in ("user_id",)):
        path = world.nested(route, theirs, "other")
    else:
        world.invite(theirs, _INVITED, "viewer", "other")
        path = {"user_id": world.accounts["invited"]}
    reply = world.call(route, {**path, "project_id": ours}, "owner")
    assert_refused(reply, 404, route)
    unknown = {**path, "project_id": ours, **{name: uuid4().hex for name in path if name != "project_id"}}
    assert world.call(route, unknown, "owner").body == reply.body


STRANGE = [
    "x",
    "..",
    "%2e%2e",
    "a b",
    "ä",
    "%00",
    "project%23x",
    "x" * 65,
    "x" * 5000,
    "%ff",
    "'",
    "*",
    "null",
    "0",
    "-1",
]


@pytest.mark.parametrize("strange", STRANGE, ids=lambda each: each[:12])
@each_in_a_project
def test_an_id_of_any_shape_is_at_most_not_there(world, route, strange):
    project_id = world.project()
    path = dict.fromkeys(_PARAMETER.findall(route.path), strange)
    assert_refused(world.call(route, path, "owner"), 404, route)
    if len(path) > 1:
        assert_refused(world.call(route, {**path, "project_id": project_id}, "owner"), 404, route)


def test_another_project_is_untouched_by_everything_that_was_tried(world):
    theirs = world.project("other")
    before = [item for item in world.api.needs.config.items if theirs in str(item)]
    for route in IN_A_PROJECT:
        path = {name: uuid4().hex for name in _PARAMETER.findall(route.path)} | {"project_id": theirs}
        for caller in CALLERS:
            assert world.call(route, path, caller).status in (401, 404)
    assert [item for item in world.api.needs.config.items if theirs in str(item)] == before
