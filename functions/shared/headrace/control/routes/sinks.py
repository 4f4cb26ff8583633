"""Sinks: the webhooks and Slack channels that get what the agent says."""

from headrace.control.audit import audit_put
from headrace.control.ports import Ports
from headrace.control.sinks import (
    StoredSink,
    add_sink,
    change_sink,
    load_sink,
    new_sink_id,
    page_of_sinks,
    remove_sink,
)
from headrace.control.trying import try_sink
from headrace.domain.records import timestamp
from headrace.wire.api_projects import PageIn
from headrace.wire.api_sinks import (
    SinkIn,
    SinkOut,
    SinksOut,
    SinkTestIn,
    SinkTestOut,
    SlackOut,
    WebhookOut,
    describe_sink,
)
from headrace.wire.routes import Answer, Call, Route


def list_sinks(call: Call, ports: Ports) -> Answer:
    """The sinks of a project, in no particular order. Secrets are shown as `***`."""
    page: PageIn = call.query
    sinks, cursor = page_of_sinks(call.project_id, ports.config, limit=page.limit, cursor=page.cursor)
    return Answer(SinksOut(items=[_described(sink) for sink in sinks], next_cursor=cursor))


def create_sink(call: Call, ports: Ports) -> Answer:
    """Add a sink; a project may have a hundred. Header values, a Slack address and `signing_secret` stay secret."""
    sink_id = new_sink_id()
    also = [audit_put(call, "sink.create", sink_id, ports)]
    return _answer(add_sink(call.project_id, call.body, ports, sink_id=sink_id, also=also))


def get_sink(call: Call, ports: Ports) -> Answer:
    """One sink. Secrets are shown as `***`."""
    return _answer(load_sink(call.project_id, call.path["sink_id"], ports.config))


def put_sink(call: Call, ports: Ports) -> Answer:
    """Store a sink, whole: what the body leaves out gets its default.

    A secret given as `***` stays what it is. A sink that was switched off since its other side is gone is switched
    on again by `enabled`.
    """
    sink_id = call.path["sink_id"]
    also = [audit_put(call, "sink.save", sink_id, ports)]
    return _answer(change_sink(call.project_id, sink_id, call.body, ports, if_match=call.if_match, also=also))


def delete_sink(call: Call, ports: Ports) -> Answer:
    """Remove a sink. Outputs that still wait for it become dead letters when their turn comes."""
    sink_id = call.path["sink_id"]
    also = [audit_put(call, "sink.delete", sink_id, ports)]
    remove_sink(call.project_id, sink_id, ports, if_match=call.if_match, also=also)
    return Answer()


def send_sample(call: Call, ports: Ports) -> Answer:
    """Send a sample, or a payload of yours, just as a delivery would, and see what came back.

    It is sent once and not retried, also to a sink that is switched off. With `dry_run` nothing is sent.
    """
    body: SinkTestIn = call.body
    return Answer(try_sink(call.project_id, call.path["sink_id"], body, ports))


def _answer(stored: StoredSink) -> Answer:
    return Answer(SinkOut(_described(stored)), etag=str(stored.version))


def _described(stored: StoredSink) -> WebhookOut | SlackOut:
    model = WebhookOut if stored.sink.type == "webhook" else SlackOut
    return model(
        **describe_sink(stored.sink),
        id=stored.sink.id,
        version=stored.version,
        updated_at=timestamp(stored.updated_unix_nano),
        disabled_reason=stored.disabled_reason,
    )


_ALL = "/projects/{project_id}/sinks"
_ONE = f"{_ALL}/{{sink_id}}"

ROUTES = (
    Route("GET", _ALL, "viewer", list_sinks, "List sinks", query=PageIn, answer=SinksOut),
    Route("POST", _ALL, "editor", create_sink, "Add a sink", SinkIn, None, SinkOut, 201, (409,)),
    Route("GET", _ONE, "viewer", get_sink, "Get a sink", answer=SinkOut, conditional=True),
    Route("PUT", _ONE, "editor", put_sink, "Save a sink", SinkIn, None, SinkOut, conditional=True),
    Route("DELETE", _ONE, "editor", delete_sink, "Remove a sink", status=204, conditional=True),
    Route("POST", f"{_ONE}/test", "editor", send_sample, "Try a sink", body=SinkTestIn, answer=SinkTestOut),
)
