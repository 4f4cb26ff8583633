"""Health: how sinks and the agent have answered, from what the data path keeps of it."""

from typing import Any, Literal

from headrace.intake.wire.items import COUNTERS
from headrace.ports.items import project_pk
from headrace.ports.table import Item, Table
from headrace.route.wire import items
from headrace.route.wire.signing_models import Health, SinkHealth
from headrace.times import timestamp


def sink_health(project_id: str, enabled: dict[str, bool], telemetry: Table) -> dict[str, SinkHealth]:
    """Of at most 100 sinks, by their ids; `enabled` says which of them get anything."""
    pk = project_pk(project_id)
    found = telemetry.batch_get([(pk, items.HEALTH_PREFIX + sink_id) for sink_id in enabled]) if enabled else []
    stored = {item["sk"].removeprefix(items.HEALTH_PREFIX): item for item in found}
    return {sink_id: _of_sink(stored.get(sink_id, {}), enabled=on) for sink_id, on in enabled.items()}


def agent_health(project_id: str, telemetry: Table, *, enabled: bool) -> Health:
    """Of the agent of a project."""
    counters = telemetry.get(project_pk(project_id), COUNTERS) or {}
    return Health(**_facts(counters, "agent_", enabled=enabled))


def _of_sink(item: Item, *, enabled: bool) -> SinkHealth:
    return SinkHealth(**_facts(item, "", enabled=enabled), dead_lettered=int(item.get("dead_lettered", 0)))


def _facts(item: Item, who: str, *, enabled: bool) -> dict[str, Any]:
    since = item.get(f"{who}failing_since")
    return {
        "state": _state(since, enabled=enabled),
        "failing_since": _time(since),
        "last_success_at": _time(item.get(f"{who}last_success_at")),
        "last_error": item.get(f"{who}last_error"),
        "last_error_at": _time(item.get(f"{who}last_error_at")),
    }


def _state(failing_since: str | None, *, enabled: bool) -> Literal["ok", "failing", "disabled"]:
    if not enabled:
        return "disabled"
    return "ok" if failing_since is None else "failing"


def _time(unix_nano: str | None) -> str | None:
    return None if unix_nano is None else timestamp(int(unix_nano))
