"""A project's pipeline: what is kept of its records, what becomes of them, and which agent gets them."""

from headrace.api.routes import Answer, Call, Route
from headrace.route.operations.health import agent_health
from headrace.route.operations.pipelines import (
    StoredPipeline,
    end_old_pipeline_secrets,
    load_stored,
    reset_pipeline,
    rotate_pipeline_secret,
    save_pipeline,
)
from headrace.route.operations.signing import old_until
from headrace.route.operations.trying import try_expressions
from headrace.route.wire.pipeline_models import PipelineIn, PipelineOut, PipelineTestIn, PipelineTestOut
from headrace.route.wire.signing_models import NewSecretIn, NewSecretOut
from headrace.times import timestamp
from headrace.upkeep.operations.audit import audit_put
from headrace.upkeep.operations.ports import Ports


def get_pipeline(call: Call, ports: Ports) -> Answer:
    """The stored pipeline; the defaults, at version 0, when there is none."""
    return _answer(load_stored(call.project_id, ports.config), call.project_id, ports)


def put_pipeline(call: Call, ports: Ports) -> Answer:
    """Store a pipeline, whole: what the body leaves out gets its default.

    Every expression is checked first. Records are consumed as long as there is an agent endpoint and the pipeline is
    enabled; else the raw queue keeps them. `signing_secret` is never shown again; `***` keeps the stored one.
    """
    also = [audit_put(call, "pipeline.save", call.project_id, ports)]
    stored = save_pipeline(call.project_id, call.body, ports, if_match=call.if_match, also=also)
    return _answer(stored, call.project_id, ports)


def delete_pipeline(call: Call, ports: Ports) -> Answer:
    """Put the defaults back: consumption stops, and the raw queue keeps its records."""
    also = [audit_put(call, "pipeline.delete", call.project_id, ports)]
    reset_pipeline(call.project_id, ports, if_match=call.if_match, also=also)
    return Answer()


def try_pipeline(call: Call, ports: Ports) -> Answer:
    """Run filter and transforms over records and see what becomes of each. Nothing is stored or sent.

    What the body leaves out is taken from the stored pipeline and from the records that came last (a sample of ten
    a signal, renewed every half minute, kept for a day). An expression that cannot run is answered with 400, where
    it is wrong and how JSONata would say it; one that fails on a record is that record's `error`.
    """
    body: PipelineTestIn = call.body
    return Answer(PipelineTestOut(results=try_expressions(call.project_id, body, ports)))


def rotate_agent_secret(call: Call, ports: Ports) -> Answer:
    """Sign requests to the agent with a new secret, and with the older ones too for a while.

    The secret is made here unless the body brings one, and is shown this once. Requests carry one signature for each
    secret, and a receiver needs only one of them to fit: learn the new secret there before the old ones end.
    """
    also = [audit_put(call, "pipeline.rotate_secret", call.project_id, ports)]
    return Answer(rotate_pipeline_secret(call.project_id, call.body, ports, also=also))


def end_old_agent_secrets(call: Call, ports: Ports) -> Answer:
    """Sign requests to the agent with the newest secret only."""
    also = [audit_put(call, "pipeline.end_old_secrets", call.project_id, ports)]
    end_old_pipeline_secrets(call.project_id, ports, also=also)
    return Answer()


def _answer(stored: StoredPipeline, project_id: str, ports: Ports) -> Answer:
    body = PipelineIn.of(stored.pipeline).model_dump()
    updated = stored.updated_unix_nano
    return Answer(
        PipelineOut(
            **body,
            version=stored.version,
            updated_at=None if updated is None else timestamp(updated),
            old_signing_secrets_until=old_until(stored.pipeline.old_secrets, ports.clock.now_unix_nano()),
            agent_health=agent_health(project_id, ports.telemetry, enabled=stored.pipeline.active),
        ),
        etag=str(stored.version),
    )


_PATH = "/projects/{project_id}/pipeline"

ROUTES = (
    Route("GET", _PATH, "viewer", get_pipeline, "Get the pipeline", answer=PipelineOut, conditional=True),
    Route(
        "PUT",
        _PATH,
        "editor",
        put_pipeline,
        "Save the pipeline",
        body=PipelineIn,
        answer=PipelineOut,
        conditional=True,
    ),
    Route("DELETE", _PATH, "editor", delete_pipeline, "Reset the pipeline", status=204, conditional=True),
    Route(
        "POST",
        f"{_PATH}/signing-secret",
        "editor",
        rotate_agent_secret,
        "Rotate the signing secret of the agent",
        body=NewSecretIn,
        answer=NewSecretOut,
        status=201,
    ),
    Route(
        "DELETE",
        f"{_PATH}/signing-secret/old",
        "editor",
        end_old_agent_secrets,
        "End older signing secrets of the agent",
        status=204,
    ),
    Route(
        "POST",
        f"{_PATH}/test",
        "viewer",
        try_pipeline,
        "Try expressions",
        body=PipelineTestIn,
        answer=PipelineTestOut,
    ),
)
