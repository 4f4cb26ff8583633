"""Status: where a project's records are. The delivery equation of contract section 7.

    accepted = filtered + errored + delivered + dead_lettered + in_flight

The first five are counted by the functions, each after the fact and with one write an invocation; `in_flight` is
what is left. It is exact as long as every record is handled once and every write gets through. It is off, and then
never shown below 0, by what at-least-once allows: a batch that an agent got twice counts twice as delivered; a
process that dies between its work and its write loses that write; counts arrive a moment after the records.
"""

from collections.abc import Mapping

from headrace.intake.wire.items import COUNTERS
from headrace.ports.bus import QueueStats
from headrace.ports.items import project_pk
from headrace.ports.queues import QueueKind
from headrace.ports.table import Item
from headrace.times import timestamp
from headrace.upkeep.operations.dead_letters import given_up_records
from headrace.upkeep.operations.needs import UpkeepNeeds
from headrace.upkeep.wire.status_models import AgentOut, QueueOut, StatusOut

_COUNTED = ("accepted", "filtered", "errored", "delivered", "outputs", "sink_deliveries")


def project_status(project_id: str, needs: UpkeepNeeds) -> StatusOut:
    """Counters and depths as they are now. Raises Unavailable."""
    queues = {kind: needs.queues.name(kind, project_id) for kind in needs.queues.kinds}
    stats = {kind: needs.bus.stats(queue) for kind, queue in queues.items()}
    counters = needs.telemetry.get(project_pk(project_id), COUNTERS) or {}
    counts = {name: int(counters.get(name, 0)) for name in _COUNTED}
    dead = _dead_records(project_id, counters, stats, needs)
    settled = counts["filtered"] + counts["errored"] + counts["delivered"] + dead
    return StatusOut(
        **counts,
        dead_lettered=dead,
        in_flight=max(0, counts["accepted"] - settled),
        queues={
            queues[kind]: QueueOut(depth=found.depth, in_flight=found.in_flight, dead_letters=found.dead_letters)
            for kind, found in stats.items()
        },
        agent=AgentOut(
            last_success_at=_time(counters.get("agent_last_success_at")),
            last_error=counters.get("agent_last_error"),
            last_error_at=_time(counters.get("agent_last_error_at")),
        ),
        filter_error=counters.get("filter_error"),
    )


def _dead_records(project_id: str, counters: Item, stats: Mapping[QueueKind, QueueStats], needs: UpkeepNeeds) -> int:
    """Those that functions buried, and those that the engine gave up, which are looked for only if there are any."""
    counted = int(counters.get("dead_lettered", 0)) - int(counters.get("redriven", 0))
    buried = int(counters.get("dead_letters_made", 0)) - int(counters.get("dead_letters_taken", 0))
    counting = {kind: found.dead_letters for kind, found in stats.items() if kind.counts}
    given_up = sum(counting.values()) > buried
    return max(0, counted) + sum(given_up_records(project_id, kind, needs) for kind in counting if given_up)


def _time(unix_nano: str | None) -> str | None:
    return None if unix_nano is None else timestamp(int(unix_nano))
