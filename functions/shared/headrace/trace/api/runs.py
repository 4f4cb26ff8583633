"""Runs of agents: capability Trace. Contract section 10."""

from datetime import timedelta
from typing import Any

from headrace.api.models import unix_nano
from headrace.api.routes import Answer, Call, Route
from headrace.times import nanoseconds, unix_seconds
from headrace.trace.domain.runs import graph
from headrace.trace.operations import runs
from headrace.trace.operations.needs import RunsNeeds
from headrace.trace.operations.services import service_figures
from headrace.trace.operations.tracing import load_tracing, save_tracing
from headrace.trace.wire.figure_models import AgentsOut, ServicesOut, WindowIn
from headrace.trace.wire.run_models import FoundSpanOut, RunDetailOut, RunOut, RunsIn, RunsOut, SpanIn
from headrace.trace.wire.runs import encode_graph, encode_run, encode_spans
from headrace.trace.wire.tracing_models import TracingIn, TracingOut


def list_runs(call: Call, needs: RunsNeeds) -> Answer:
    """Runs, newest first, that everything in the query holds of.

    A run is running until the root of its trace has come; one that gets no span for 15 minutes before that has timed
    out, and runs again when a late span comes.
    """
    found, cursor = runs.list_runs(call.project_id, call.query, needs)
    return Answer(RunsOut(items=[RunOut.model_validate(each) for each in found], next_cursor=cursor))


def get_run(call: Call, needs: RunsNeeds) -> Answer:
    """One run, by the id of its trace: all spans, and the graph of who spoke to whom."""
    run, spans = runs.load_run(call.project_id, call.path["trace_id"].lower(), needs)
    shown: dict[str, Any] = {**encode_run(run), "spans": encode_spans(spans), "graph": encode_graph(graph(run))}
    return Answer(RunDetailOut.model_validate(shown))


def list_agents(call: Call, needs: RunsNeeds) -> Answer:
    """How the agents did in the runs of a time: of the last day, if the query says nothing else."""
    return Answer(AgentsOut(items=runs.agent_figures(call.project_id, *_window(call, needs), needs)))


def list_services(call: Call, needs: RunsNeeds) -> Answer:
    """How services did, by every span that came and not only those of agents.

    The window is widened to whole minutes; to whole hours when it is longer than six hours or older than two days.
    """
    since, until = (unix_seconds(edge) for edge in _window(call, needs))
    return Answer(ServicesOut(items=service_figures(call.project_id, since, until, needs)))


def _window(call: Call, needs: RunsNeeds) -> tuple[int, int]:
    """The edges in nanoseconds since 1970. What starts within a day from now is in it too: clocks differ."""
    query: WindowIn = call.query
    now = needs.clock.now_unix_nano()
    return unix_nano(query.since, now - _DAY), unix_nano(query.until, now + _DAY)


def get_span(call: Call, needs: RunsNeeds) -> Answer:
    """One span. Say the trace if you know it: otherwise only the latest thousand runs are looked through."""
    query: SpanIn = call.query
    trace_id = None if query.trace_id is None else query.trace_id.lower()
    run, spans, wanted = runs.find_span(call.project_id, call.path["span_id"].lower(), trace_id, needs)
    shown = next(each for each in encode_spans(spans) if each["span_id"] == wanted.span_id)
    return Answer(FoundSpanOut.model_validate({**shown, "trace_id": run.trace_id}))


def get_tracing(call: Call, needs: RunsNeeds) -> Answer:
    """How traces are kept; the defaults when nothing was ever stored."""
    return Answer(TracingOut.of(load_tracing(call.project_id, needs.config)))


def put_tracing(call: Call, needs: RunsNeeds) -> Answer:
    """Say how traces are kept from now on: what the body leaves out gets its default. What is stored stays as it is."""
    body: TracingIn = call.body
    save_tracing(call, body.to_domain(), needs)
    return get_tracing(call, needs)


_PROJECT = "/projects/{project_id}"
_DAY = nanoseconds(timedelta(days=1))

ROUTES = (
    Route("GET", f"{_PROJECT}/runs", "viewer", list_runs, "List runs", query=RunsIn, answer=RunsOut),
    Route("GET", f"{_PROJECT}/runs/{{trace_id}}", "viewer", get_run, "Get a run", answer=RunDetailOut),
    Route("GET", f"{_PROJECT}/agents", "viewer", list_agents, "List agents", query=WindowIn, answer=AgentsOut),
    Route("GET", f"{_PROJECT}/services", "viewer", list_services, "List services", query=WindowIn, answer=ServicesOut),
    Route("GET", f"{_PROJECT}/spans/{{span_id}}", "viewer", get_span, "Get a span", query=SpanIn, answer=FoundSpanOut),
    Route("GET", f"{_PROJECT}/tracing", "viewer", get_tracing, "Get how traces are kept", answer=TracingOut),
    Route(
        "PUT",
        f"{_PROJECT}/tracing",
        "editor",
        put_tracing,
        "Set how traces are kept",
        body=TracingIn,
        answer=TracingOut,
    ),
)
