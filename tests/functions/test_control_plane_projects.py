"""Projects, members, keys and the audit through the real doors, on embedded engines; and the door of the schedule."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from functions.control_plane.handler import handler as control_plane
from functions.receiver.handler import handler as receiver
from functions.upkeep.handler import handler as upkeep
from headrace import bootstrap
from headrace.entry.schedule import encode_event
from headrace.errors import Unavailable
from headrace.ports.items import project_pk
from headrace.ports.table import Range
from headrace.ports.wiring import Subscription
from headrace.upkeep.wire.items import INTENT
from tests.functions.events import Context, answer_body, answer_json, http_event
from tests.functions.management import cheap_passwords
from tests.functions.otlp import as_json, logs


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    with cheap_passwords():
        yield


def call(method: str, path: str, body: Any = None, token: str = "", **query: Any) -> tuple[int, Any]:
    """Status and body of an answer of the API."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    packed = b"" if body is None else orjson.dumps(body)
    named = {name: str(value) for name, value in query.items()} or None
    answer = control_plane(
        http_event(method, f"/api/v1{path}", headers, packed, queryStringParameters=named), Context()
    )
    return answer["statusCode"], answer_json(answer) if answer_body(answer) else None


def sign_up(name: str) -> str:
    """The access token of a new account."""
    status, body = call("POST", "/auth/signup", {"email": f"{name}@example.com", "password": "correct horse battery"})
    assert status == 201
    return str(body["access_token"])


def send(key: str) -> int:
    """The status of one log record sent with an API key."""
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    return int(receiver(http_event("POST", "/v1/logs", headers, as_json(logs("hello"))), Context())["statusCode"])


def subscriptions(project_id: str) -> dict[str, bool]:
    return {each.queue: each.active for each in wired(project_id)}


def wired(project_id: str) -> list[Subscription]:
    return [each for each in bootstrap.wiring().subscriptions() if each.queue.endswith(project_id)]


@pytest.fixture
def ada() -> str:
    return sign_up("ada")


@pytest.fixture
def shop(ada) -> str:
    status, body = call("POST", "/projects", {"name": "shop"}, ada)
    assert status == 201
    return str(body["id"])


def test_from_signing_up_to_the_first_record_and_back(ada, shop):
    _, key = call("POST", f"/projects/{shop}/api-keys", {"name": "collector"}, ada)
    assert send(key["key"]) == 200
    assert bootstrap.bus().stats(f"gf-ai-raw-{shop}").depth == 1
    _, keys = call("GET", f"/projects/{shop}/api-keys", None, ada)
    assert keys["items"][0]["last_used_at"] >= keys["items"][0]["created_at"]
    assert call("DELETE", f"/projects/{shop}", None, ada) == (204, None)
    assert subscriptions(shop) == {}
    assert bootstrap.bus().stats(f"gf-ai-raw-{shop}").depth == 0
    assert call("GET", f"/projects/{shop}", None, ada)[0] == 404
    assert send(key["key"]) == 200  # the key is remembered for a while
    make_all_due()
    upkeep(encode_event("UpkeepFunction"), Context())
    assert bootstrap.bus().stats(f"gf-ai-raw-{shop}").depth == 0
    bootstrap.api_keys.cache_clear()  # as any instance of the receiver forgets in time
    assert send(key["key"]) == 401


def test_an_agent_endpoint_starts_consumption_and_a_pause_stops_it(ada, shop):
    raw, path = f"gf-ai-raw-{shop}", f"/projects/{shop}/pipeline"
    assert subscriptions(shop)[raw] is False
    for body, active in (
        ({"agent_endpoint": "https://agent.example/process"}, True),
        ({"agent_endpoint": "https://agent.example/process", "enabled": False}, False),
        ({"agent_endpoint": "https://agent.example/process"}, True),
        ({}, False),
    ):
        assert call("PUT", path, body, ada)[0] == 200
        assert subscriptions(shop) == {raw: active, f"gf-ai-output-{shop}": True, f"gf-ai-spans-{shop}": True}


def test_a_team_works_on_one_project(ada, shop):
    bob = sign_up("bob")
    status, member = call("POST", f"/projects/{shop}/members", {"email": "bob@example.com", "role": "admin"}, ada)
    assert (status, member["role"]) == (201, "admin")
    assert [each["role"] for each in call("GET", "/projects", None, bob)[1]["items"]] == ["admin"]
    assert call("POST", f"/projects/{shop}/api-keys", {"name": "bob's"}, bob)[0] == 201
    assert call("DELETE", f"/projects/{shop}", None, bob)[0] == 403
    _, audit = call("GET", f"/projects/{shop}/audit", None, bob, limit=1)
    assert [(each["action"], each["email"]) for each in audit["items"]] == [("api_key.create", "bob@example.com")]
    _, rest = call("GET", f"/projects/{shop}/audit", None, bob, cursor=audit["next_cursor"])
    assert [each["action"] for each in rest["items"]] == ["member.add", "project.create"]
    assert call("DELETE", f"/projects/{shop}/members/{member['user_id']}", None, bob) == (204, None)
    assert call("GET", f"/projects/{shop}", None, bob)[0] == 404


def test_ids_in_capitals_percent_or_pieces_are_not_found(ada, shop):
    for path in (shop.upper(), f"{shop}%00", shop[:-1], "%20", f"{shop}%23member"):
        assert call("GET", f"/projects/{path}", None, ada)[0] == 404


def test_the_schedule_finishes_what_was_interrupted(ada, shop, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(bootstrap.wiring(), "reconcile", down)
        assert call("PUT", f"/projects/{shop}/pipeline", {"agent_endpoint": "https://a.example/"}, ada)[0] == 200
        _, other = call("POST", "/projects", {"name": "other"}, ada)
        assert call("DELETE", f"/projects/{shop}", None, ada)[0] == 204
    assert (len(wired(shop)), len(wired(other["id"]))) == (3, 0)
    make_all_due()
    upkeep(encode_event("UpkeepFunction"), Context())
    assert (len(wired(shop)), len(wired(other["id"]))) == (0, 3)
    make_all_due()
    upkeep(encode_event("UpkeepFunction"), Context())
    assert stored(INTENT) == []
    assert stored(project_pk(shop)) == []


def down(*_: Any) -> None:
    raise Unavailable("down")


def stored(pk: str) -> list[Any]:
    return bootstrap.table("config").query(Range(pk)).items


def make_all_due() -> None:
    """As when time has passed."""
    for intent in stored(INTENT):
        bootstrap.table("config").put({**intent, "due_unix_nano": 0})


def test_the_schedule_with_the_tables_down_is_an_error_of_the_function(broken):
    broken("store")
    with pytest.raises(Unavailable):
        upkeep(encode_event("UpkeepFunction"), Context())
