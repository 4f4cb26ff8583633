"""Dead letters: what was given up, why, and what is to become of it."""

from headrace.api.routes import Answer, Call, Route
from headrace.upkeep.operations import dead_letters
from headrace.upkeep.operations.audit import entry_put
from headrace.upkeep.operations.needs import UpkeepNeeds
from headrace.upkeep.wire.status_models import (
    DeadLettersIn,
    DeadLettersOut,
    DiscardIn,
    DiscardOut,
    RedriveIn,
    RedriveOut,
)


def list_dead_letters(call: Call, needs: UpkeepNeeds) -> Answer:
    """The dead letters of one queue, oldest first, each with the beginning of what it holds."""
    query: DeadLettersIn = call.query
    kind = needs.queues.kind(query.queue)
    found, cursor = dead_letters.list_dead_letters(call.project_id, kind, needs, limit=query.limit, cursor=query.cursor)
    return Answer(DeadLettersOut(items=found, next_cursor=cursor))


def redrive_dead_letters(call: Call, needs: UpkeepNeeds) -> Answer:
    """Give dead letters a new start on their queue: those named, or all that are there now."""
    body: RedriveIn = call.body
    _audit(call, "dead_letters.redrive", body.queue, body.ids, needs)
    kind = needs.queues.kind(body.queue)
    return Answer(RedriveOut(redriven=dead_letters.redrive(call.project_id, kind, body.ids, needs)))


def discard_dead_letters(call: Call, needs: UpkeepNeeds) -> Answer:
    """Remove dead letters for good: those named, or all that are there now. They stay counted as dead-lettered."""
    query: DiscardIn = call.query
    _audit(call, "dead_letters.discard", query.queue, query.wanted, needs)
    kind = needs.queues.kind(query.queue)
    return Answer(DiscardOut(discarded=dead_letters.discard(call.project_id, kind, query.wanted, needs)))


def _audit(call: Call, action: str, queue: str, ids: list[str] | None, needs: UpkeepNeeds) -> None:
    """Before it is done: what may have happened is on record, what is on record may have failed half way."""
    detail = "all" if ids is None else f"{len(ids)} of them"
    write = entry_put(call.project_id, call.account_id, action, queue, needs.clock, call.address, detail)
    needs.config.put(write.item, write.condition)


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
