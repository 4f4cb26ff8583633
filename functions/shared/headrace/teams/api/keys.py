"""API keys: what applications send telemetry with, and agents their results. Several may live at once."""

from headrace.api.models import PageIn
from headrace.api.routes import Answer, Call, Route
from headrace.ports.table import Item
from headrace.teams.operations import keys
from headrace.teams.operations.needs import TeamsNeeds
from headrace.teams.wire.project_models import KeyIn, KeyOut, KeysOut, NewKeyOut
from headrace.times import timestamp


def list_keys(call: Call, needs: TeamsNeeds) -> Answer:
    """The API keys of a project, without their secrets."""
    query: PageIn = call.query
    page = keys.page_of_keys(call.project_id, needs.config, limit=query.limit, cursor=query.cursor)
    return Answer(KeysOut(items=[_key(item) for item in page.items], next_cursor=page.next_cursor))


def create_key(call: Call, needs: TeamsNeeds) -> Answer:
    """Make an API key. This answer is the only one that holds it: only a hash is stored."""
    body: KeyIn = call.body
    made = keys.create_key(call, body.name, needs)
    shown = _key(made.item).model_dump(exclude={"last_used_at"})
    return Answer(NewKeyOut(**shown, key=made.key))


def revoke_key(call: Call, needs: TeamsNeeds) -> Answer:
    """Revoke an API key. It stops working within the time that keys are remembered, 30 seconds unless configured."""
    keys.revoke_key(call, call.path["key_id"], needs)
    return Answer()


def _key(item: Item) -> KeyOut:
    used = item.get("last_used_unix_nano")
    return KeyOut(
        id=keys.key_id_of(item),
        name=item["name"],
        prefix=item["prefix"],
        created_at=timestamp(item["created_unix_nano"]),
        last_used_at=None if used is None else timestamp(used),
    )


_PATH = "/projects/{project_id}/api-keys"

ROUTES = (
    Route("GET", _PATH, "viewer", list_keys, "List API keys", query=PageIn, answer=KeysOut),
    Route(
        "POST", _PATH, "admin", create_key, "Create an API key", body=KeyIn, answer=NewKeyOut, status=201, errors=(409,)
    ),
    Route("DELETE", f"{_PATH}/{{key_id}}", "admin", revoke_key, "Revoke an API key", status=204),
)
