"""Sinks: the webhooks, Slack channels and other services that get what the agent says."""

from headrace.api.models import PageIn
from headrace.api.routes import Answer, Call, Route
from headrace.route.operations.deliveries import page_of_deliveries
from headrace.route.operations.health import sink_health
from headrace.route.operations.needs import RouteNeeds
from headrace.route.operations.signing import old_until
from headrace.route.operations.sinks import (
    StoredSink,
    add_sink,
    change_sink,
    end_old_sink_secrets,
    load_sink,
    page_of_sinks,
    remove_sink,
    rotate_sink_secret,
)
from headrace.route.operations.trying import try_sink
from headrace.route.wire.delivery_models import DeliveriesOut, DeliveryOut, SinkTestIn, SinkTestOut
from headrace.route.wire.signing_models import NewSecretIn, NewSecretOut, SinkHealth
from headrace.route.wire.sink_models import AppriseOut, SinkIn, SinkOut, SinksOut, SlackOut, WebhookOut, describe_sink
from headrace.times import timestamp


def list_sinks(call: Call, needs: RouteNeeds) -> Answer:
    """The sinks of a project, in no particular order. Secrets are shown as `***`."""
    page: PageIn = call.query
    sinks, cursor = page_of_sinks(call.project_id, needs.config, limit=page.limit, cursor=page.cursor)
    enabled = {each.sink.id: each.sink.enabled for each in sinks}
    health = sink_health(call.project_id, enabled, needs.telemetry)
    now = needs.clock.now_unix_nano()
    return Answer(SinksOut(items=[_described(each, health[each.sink.id], now) for each in sinks], next_cursor=cursor))


def create_sink(call: Call, needs: RouteNeeds) -> Answer:
    """Add a sink; a project may have a hundred.

    Header values, `signing_secret`, and the addresses of Slack and apprise stay secret.
    """
    return _answer(add_sink(call, call.body, needs), call, needs)


def get_sink(call: Call, needs: RouteNeeds) -> Answer:
    """One sink. Secrets are shown as `***`."""
    return _answer(load_sink(call.project_id, call.path["sink_id"], needs.config), call, needs)


def put_sink(call: Call, needs: RouteNeeds) -> Answer:
    """Store a sink, whole: what the body leaves out gets its default.

    A secret given as `***` stays what it is. A sink that was switched off since its other side is gone is switched
    on again by `enabled`.
    """
    stored = change_sink(call, call.path["sink_id"], call.body, needs, if_match=call.if_match)
    return _answer(stored, call, needs)


def delete_sink(call: Call, needs: RouteNeeds) -> Answer:
    """Remove a sink. Outputs that still wait for it become dead letters when their turn comes."""
    remove_sink(call, call.path["sink_id"], needs, if_match=call.if_match)
    return Answer()


def send_sample(call: Call, needs: RouteNeeds) -> Answer:
    """Send a sample, or a payload of yours, just as a delivery would, and see what came back.

    It is sent once and not retried, also to a sink that is switched off. With `dry_run` nothing is sent.
    """
    body: SinkTestIn = call.body
    return Answer(try_sink(call.project_id, call.path["sink_id"], body, needs))


def list_deliveries(call: Call, needs: RouteNeeds) -> Answer:
    """The last attempts at a sink, newest first: what came back, how long it took, the error.

    Failures are all here, and of successes those of one event a second, of the last hundred events that left any
    here; none is kept for longer than a week.
    """
    page: PageIn = call.query
    attempts, cursor = page_of_deliveries(
        call.project_id, call.path["sink_id"], needs, limit=page.limit, cursor=page.cursor
    )
    return Answer(DeliveriesOut(items=[DeliveryOut.of(attempt) for attempt in attempts], next_cursor=cursor))


def rotate_webhook_secret(call: Call, needs: RouteNeeds) -> Answer:
    """Sign the requests of a webhook with a new secret, and with the older ones too for a while.

    The secret is made here unless the body brings one, and is shown this once. Requests carry one signature for each
    secret, and a receiver needs only one of them to fit: learn the new secret there before the old ones end.
    """
    return Answer(rotate_sink_secret(call, call.path["sink_id"], call.body, needs))


def end_old_webhook_secrets(call: Call, needs: RouteNeeds) -> Answer:
    """Sign the requests of a webhook with its newest secret only."""
    end_old_sink_secrets(call, call.path["sink_id"], needs)
    return Answer()


def _answer(stored: StoredSink, call: Call, needs: RouteNeeds) -> Answer:
    sink = stored.sink
    health = sink_health(call.project_id, {sink.id: sink.enabled}, needs.telemetry)[sink.id]
    return Answer(SinkOut(_described(stored, health, needs.clock.now_unix_nano())), etag=str(stored.version))


def _described(stored: StoredSink, health: SinkHealth, now_unix_nano: int) -> WebhookOut | SlackOut | AppriseOut:
    sink = stored.sink
    facts = {
        **describe_sink(sink),
        "id": sink.id,
        "version": stored.version,
        "updated_at": timestamp(stored.updated_unix_nano),
        "disabled_reason": stored.disabled_reason,
        "health": health,
    }
    if sink.type == "webhook":
        return WebhookOut(**facts, old_signing_secrets_until=old_until(sink.old_secrets, now_unix_nano))
    return SlackOut(**facts) if sink.type == "slack" else AppriseOut(**facts)


_ALL = "/projects/{project_id}/sinks"
_ONE = f"{_ALL}/{{sink_id}}"

ROUTES = (
    Route("GET", _ALL, "viewer", list_sinks, "List sinks", query=PageIn, answer=SinksOut),
    Route("POST", _ALL, "editor", create_sink, "Add a sink", SinkIn, None, SinkOut, 201, (409,)),
    Route("GET", _ONE, "viewer", get_sink, "Get a sink", answer=SinkOut, conditional=True),
    Route("PUT", _ONE, "editor", put_sink, "Save a sink", SinkIn, None, SinkOut, conditional=True),
    Route("DELETE", _ONE, "editor", delete_sink, "Remove a sink", status=204, conditional=True),
    Route("GET", f"{_ONE}/deliveries", "viewer", list_deliveries, "List attempts", query=PageIn, answer=DeliveriesOut),
    Route(
        "POST",
        f"{_ONE}/signing-secret",
        "editor",
        rotate_webhook_secret,
        "Rotate the signing secret of a sink",
        body=NewSecretIn,
        answer=NewSecretOut,
        status=201,
    ),
    Route(
        "DELETE",
        f"{_ONE}/signing-secret/old",
        "editor",
        end_old_webhook_secrets,
        "End older signing secrets of a sink",
        status=204,
    ),
    Route("POST", f"{_ONE}/test", "editor", send_sample, "Try a sink", body=SinkTestIn, answer=SinkTestOut),
)
