"""A project's pipeline: what is kept of its records, what becomes of them, and which agent gets them."""

from headrace.control.audit import audit_put
from headrace.control.pipelines import StoredPipeline, load_stored, reset_pipeline, save_pipeline
from headrace.control.ports import Ports
from headrace.control.trying import try_expressions
from headrace.domain.records import timestamp
from headrace.wire.api_pipelines import PipelineIn, PipelineOut, PipelineTestIn, PipelineTestOut
from headrace.wire.routes import Answer, Call, Route


def get_pipeline(call: Call, ports: Ports) -> Answer:
    """The stored pipeline; the defaults, at version 0, when there is none."""
    return _answer(load_stored(call.project_id, ports.config))


def put_pipeline(call: Call, ports: Ports) -> Answer:
    """Store a pipeline, whole: what the body leaves out gets its default.

    Every expression is checked first. Records are consumed as long as there is an agent endpoint and the pipeline is
    enabled; else the raw queue keeps them. `signing_secret` is never shown again; `***` keeps the stored one.
    """
    also = [audit_put(call, "pipeline.save", call.project_id, ports)]
    return _answer(save_pipeline(call.project_id, call.body, ports, if_match=call.if_match, also=also))


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


def _answer(stored: StoredPipeline) -> Answer:
    body = PipelineIn.of(stored.pipeline).model_dump()
    updated = stored.updated_unix_nano
    return Answer(
        PipelineOut(**body, version=stored.version, updated_at=None if updated is None else timestamp(updated)),
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
        f"{_PATH}/test",
        "viewer",
        try_pipeline,
        "Try expressions",
        body=PipelineTestIn,
        answer=PipelineTestOut,
    ),
)
