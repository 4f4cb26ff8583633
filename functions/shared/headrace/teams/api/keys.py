"""API keys: what applications send telemetry with, and agents their results. Several may live at once."""

from headrace.api.routes import Answer, Call, Route
from headrace.ports.table import Item
from headrace.teams.operations import keys
from headrace.teams.wire.project_models import KeyIn, KeyOut, KeysOut, NewKeyOut, PageIn
from headrace.times import timestamp
from headrace.upkeep.operations.audit import audit_put
from headrace.upkeep.operations.ports import Ports


def list_keys(call: Call, ports: Ports) -> Answer:
    """The API keys of a project, without their secrets."""
    query: PageIn = call.query
    page = keys.page_of_keys(call.project_id, ports.config, limit=query.limit, cursor=query.cursor)
    return Answer(KeysOut(items=[_key(item) for item in page.items], next_cursor=page.next_cursor))


def create_key(call: Call, ports: Ports) -> Answer:
    """Make an API key. This answer is the only one that holds it: only a hash is stored."""
    body: KeyIn = call.body
    key_id = keys.new_key_id()
    entry = audit_put(call, "api_key.create", key_id, ports, detail=body.name)
    made = keys.create_key(call.project_id, body.name, ports, key_id=key_id, also=[entry])
    shown = _key(made.item).model_dump(exclude={"last_used_at"})
    return Answer(NewKeyOut(**shown, key=made.key))


def revoke_key(call: Call, ports: Ports) -> Answer:
    """Revoke an API key. It stops working within the time that keys are remembered, 30 seconds unless configured."""
    key_id = call.path["key_id"]
    keys.revoke_key(call.project_id, key_id, ports, also=[audit_put(call, "api_key.revoke", key_id, ports)])
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
