"""Dead letters: what was given up, why, and what is to become of it."""

from headrace.api.routes import Answer, Call, Route
from headrace.upkeep.operations import dead_letters
from headrace.upkeep.operations.audit import audit_put
from headrace.upkeep.operations.ports import Ports
from headrace.upkeep.wire.status_models import (
    DeadLettersIn,
    DeadLettersOut,
    DiscardIn,
    DiscardOut,
    RedriveIn,
    RedriveOut,
)


def list_dead_letters(call: Call, ports: Ports) -> Answer:
    """The dead letters of one queue, oldest first, each with the beginning of what it holds."""
    query: DeadLettersIn = call.query
    found, cursor = dead_letters.list_dead_letters(
        call.project_id, query.queue, ports, limit=query.limit, cursor=query.cursor
    )
    return Answer(DeadLettersOut(items=found, next_cursor=cursor))


def redrive_dead_letters(call: Call, ports: Ports) -> Answer:
    """Give dead letters a new start on their queue: those named, or all that are there now."""
    body: RedriveIn = call.body
    _audit(call, "dead_letters.redrive", body.queue, body.ids, ports)
    return Answer(RedriveOut(redriven=dead_letters.redrive(call.project_id, body.queue, body.ids, ports)))


def discard_dead_letters(call: Call, ports: Ports) -> Answer:
    """Remove dead letters for good: those named, or all that are there now. They stay counted as dead-lettered."""
    query: DiscardIn = call.query
    _audit(call, "dead_letters.discard", query.queue, query.wanted, ports)
    return Answer(DiscardOut(discarded=dead_letters.discard(call.project_id, query.queue, query.wanted, ports)))


def _audit(call: Call, action: str, queue: str, ids: list[str] | None, ports: Ports) -> None:
    """Before it is done: what may have happened is on record, what is on record may have failed half way."""
    detail = "all" if ids is None else f"{len(ids)} of them"
    write = audit_put(call, action, queue, ports, detail=detail)
    ports.config.put(write.item, write.condition)


_PATH = "/projects/{project_id}/dead-letters"

ROUTES = (
    Route("GET", _PATH, "viewer", list_dead_letters, "List dead letters", query=DeadLettersIn, answer=DeadLettersOut),
    Route(
        "POST",
        f"{_PATH}/redrive",
        "editor",
        redrive_dead_letters,
        "Redrive dead letters",
        body=RedriveIn,
        answer=RedriveOut,
    ),
    Route(
        "DELETE",
        _PATH,
        "editor",
        discard_dead_letters,
        "Discard dead letters",
        query=DiscardIn,
        answer=DiscardOut,
    ),
)
