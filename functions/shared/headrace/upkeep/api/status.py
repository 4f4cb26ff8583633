"""Status: where a project's records are, now."""

from headrace.api.routes import Answer, Call, Route
from headrace.upkeep.operations.needs import UpkeepNeeds
from headrace.upkeep.operations.status import project_status
from headrace.upkeep.wire.status_models import StatusOut


def get_status(call: Call, needs: UpkeepNeeds) -> Answer:
    """Counters, queue depths, and how agent and filter are doing.

    `accepted` = `filtered` + `errored` + `delivered` + `dead_lettered` + `in_flight`, in records. Counts arrive a
    moment after the records; a batch that the agent got twice is counted twice.
    """
    return Answer(project_status(call.project_id, needs))


ROUTES = (Route("GET", "/projects/{project_id}/status", "viewer", get_status, "Get the status", answer=StatusOut),)
