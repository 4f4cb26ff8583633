"""The door for what agents send back: any JSON value in, a message on the output queue out."""

import orjson

from headrace import bootstrap
from headrace.entry.errors import problem_error
from headrace.entry.http import Door, Request, Response
from headrace.route.stages.accept_output import accept_output

handler = Door("agent_output", problem_error, bootstrap.limits)


@handler.route("POST", "/internal/agent-output")
def output(request: Request) -> Response:
    """Take one output."""
    project_id = bootstrap.api_keys().project_of(request.api_key)
    message_id = accept_output(request.body, request.headers.get("x-request-id"), project_id, bootstrap.accepting())
    return Response(202, orjson.dumps({"status": "accepted", "id": message_id}))
