"""A project's pipeline: what is kept of its records, what becomes of them, and which agent gets them."""

from headrace.api.routes import Answer, Call, Route
from headrace.route.operations.health import agent_health
from headrace.route.operations.needs import RouteNeeds
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


def get_pipeline(call: Call, needs: RouteNeeds) -> Answer:
    """The stored pipeline; the defaults, at version 0, when there is none."""
    return _answer(load_stored(call.project_id, needs.config), call.project_id, needs)


def put_pipeline(call: Call, needs: RouteNeeds) -> Answer:
    """Store a pipeline, whole: what the body leaves out gets its default.

    Every expression is checked first. Records are consumed as long as there is an agent endpoint and the pipeline is
    enabled; else the raw queue keeps them. `signing_secret` is never shown again; `***` keeps the stored one.
    """
    stored = save_pipeline(call, call.body, needs, if_match=call.if_match)
    return _answer(stored, call.project_id, needs)


def delete_pipeline(call: Call, needs: RouteNeeds) -> Answer:
    """Put the defaults back: consumption stops, and the raw queue keeps its records."""
    reset_pipeline(call, needs, if_match=call.if_match)
    return Answer()


def try_pipeline(call: Call, needs: RouteNeeds) -> Answer:
    """Run filter and transforms over records and see what becomes of each. Nothing is stored or sent.

    What the body leaves out is taken from the stored pipeline and from the records that came last (a sample of ten
    a signal, renewed every half minute, kept for a day). An expression that cannot run is answered with 400, where
    it is wrong and how JSONata would say it; one that fails on a record is that record's `error`.
    """
    body: PipelineTestIn = call.body
    return Answer(PipelineTestOut(results=try_expressions(call.project_id, body, needs)))


def rotate_agent_secret(call: Call, needs: RouteNeeds) -> Answer:
    """Sign requests to the agent with a new secret, and with the older ones too for a while.

    The secret is made here unless the body brings one, and is shown this once. Requests carry one signature for each
    secret, and a receiver needs only one of them to fit: learn the new secret there before the old ones end.
    """
    return Answer(rotate_pipeline_secret(call, call.body, needs))


def end_old_agent_secrets(call: Call, needs: RouteNeeds) -> Answer:
    """Sign requests to the agent with the newest secret only."""
    end_old_pipeline_secrets(call, needs)
    return Answer()


def _answer(stored: StoredPipeline, project_id: str, needs: RouteNeeds) -> Answer:
    body = PipelineIn.of(stored.pipeline).model_dump()
    updated = stored.updated_unix_nano
    return Answer(
        PipelineOut(
            **body,
            version=stored.version,
            updated_at=None if updated is None else timestamp(updated),
            old_signing_secrets_until=old_until(stored.pipeline.old_secrets, needs.clock.now_unix_nano()),
            agent_health=agent_health(project_id, needs.telemetry, enabled=stored.pipeline.active),
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
