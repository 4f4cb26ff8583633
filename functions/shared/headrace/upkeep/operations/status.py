"""Status: where a project's records are. The delivery equation of contract section 7.

    accepted = filtered + errored + delivered + dead_lettered + in_flight

The first five are counted by the functions, each after the fact and with one write an invocation; `in_flight` is
what is left. It is exact as long as every record is handled once and every write gets through. It is off, and then
never shown below 0, by what at-least-once allows: a batch that an agent got twice counts twice as delivered; a
process that dies between its work and its write loses that write; counts arrive a moment after the records.
"""

from headrace.ports.bus import QueueStats
from headrace.ports.table import Item
from headrace.times import timestamp
from headrace.upkeep.operations.dead_letters import given_up_records, queue_of
from headrace.upkeep.operations.ports import Ports
from headrace.upkeep.wire import items
from headrace.upkeep.wire.status_models import AgentOut, QueueKind, QueueOut, StatusOut

_KINDS: tuple[QueueKind, ...] = ("raw", "output", "spans")
_COUNTED = ("accepted", "filtered", "errored", "delivered", "outputs", "sink_deliveries")


def project_status(project_id: str, ports: Ports) -> StatusOut:
    """Counters and depths as they are now. Raises Unavailable."""
    stats = {kind: ports.bus.stats(queue_of(kind, project_id, ports.queues)) for kind in _KINDS}
    counters = ports.telemetry.get(items.project_pk(project_id), items.COUNTERS) or {}
    counts = {name: int(counters.get(name, 0)) for name in _COUNTED}
    dead = _dead_records(project_id, counters, stats["raw"], ports)
    settled = counts["filtered"] + counts["errored"] + counts["delivered"] + dead
    return StatusOut(
        **counts,
        dead_lettered=dead,
        in_flight=max(0, counts["accepted"] - settled),
        queues={
            queue_of(kind, project_id, ports.queues): QueueOut(
                depth=found.depth, in_flight=found.in_flight, dead_letters=found.dead_letters
            )
            for kind, found in stats.items()
        },
        agent=AgentOut(
            last_success_at=_time(counters.get("agent_last_success_at")),
            last_error=counters.get("agent_last_error"),
            last_error_at=_time(counters.get("agent_last_error_at")),
        ),
        filter_error=counters.get("filter_error"),
    )


def _dead_records(project_id: str, counters: Item, raw: QueueStats, ports: Ports) -> int:
    """Those that functions buried, and those that the engine gave up, which are looked for only if there are any."""
    counted = int(counters.get("dead_lettered", 0)) - int(counters.get("redriven", 0))
    buried = int(counters.get("dead_letters_made", 0)) - int(counters.get("dead_letters_taken", 0))
    return max(0, counted) + (given_up_records(project_id, ports) if raw.dead_letters > buried else 0)


def _time(unix_nano: str | None) -> str | None:
    return None if unix_nano is None else timestamp(int(unix_nano))
