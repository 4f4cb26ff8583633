"""`headrace sink`."""

from typing import Annotated, Any, Literal

import typer

from headrace.cli.manage.command import ROTATING, Desk, Limit, Options, command, given, noun
from headrace.errors import InvalidInput

app = noun("Sinks: the webhooks, Slack channels and other services that get what the agent says.")
adding = noun("Add a sink.")
app.add_typer(adding, name="add")

SinkId = Annotated[str, typer.Argument(metavar="ID", help="Id from `sink list`.")]

READ_ONLY = ("id", "version", "updated_at", "disabled_reason", "health", "old_signing_secrets_until")
SETTABLE: Options = {
    "name": Annotated[str | None, typer.Option(help="Name for people.")],
    "enabled": Annotated[bool | None, typer.Option(help="Whether it gets anything.")],
    "filter": Annotated[str | None, typer.Option(help='JSONata over the output; "" for all.')],
    "template": Annotated[str | None, typer.Option(help='JSONata that shapes the body; "" for none.')],
    "timeout_seconds": Annotated[float | None, typer.Option(help="For one request.")],
}
WEBHOOK_ONLY: Options = {
    "method": Annotated[Literal["POST", "PUT", "PATCH"] | None, typer.Option(help="Of the request.")],
    "header": Annotated[list[str] | None, typer.Option(help="NAME:VALUE to send along; may be repeated.")],
    "signing_secret": Annotated[str | None, typer.Option(help='Signs the requests; "" for none.')],
}


@command(app, "list")
def list_sinks(desk: Desk) -> None:
    """List the sinks."""
    columns = ("id", "type", "name", "url", "enabled", "filter", "health", "last_error")
    found = desk.api.all_items(desk.path("sinks"))
    if desk.output == "table":
        found = {**found, "items": [{**sink, **_in_short(sink)} for sink in found["items"]]}
    desk.show(found, columns)


@command(adding, "webhook", options={**SETTABLE, **WEBHOOK_ONLY})
def add_webhook(desk: Desk, url: Annotated[str, typer.Argument(help="Gets the outputs.")], **options: Any) -> None:
    """Add a webhook."""
    _add(desk, {"type": "webhook", "url": url, **_fields(options)})


@command(adding, "slack", options=SETTABLE)
def add_slack(
    desk: Desk, url: Annotated[str, typer.Argument(help="Incoming webhook of a channel.")], **options: Any
) -> None:
    """Add a channel of Slack."""
    _add(desk, {"type": "slack", "webhook_url": url, **_fields(options)})


@command(adding, "apprise", options=SETTABLE)
def add_apprise(
    desk: Desk, url: Annotated[str, typer.Argument(help="URL of apprise: mailto://…, discord://…")], **options: Any
) -> None:
    """Add e-mail, Teams, Discord, PagerDuty or another service that apprise knows."""
    _add(desk, {"type": "apprise", "url": url, **_fields(options)})


@command(app, "show")
def show_sink(desk: Desk, sink_id: SinkId) -> None:
    """Show a sink; what is secret of it is ***."""
    desk.show(desk.api.call("GET", desk.path("sinks", sink_id)).body)


@command(app, "set", options={**SETTABLE, **WEBHOOK_ONLY})
def set_sink(desk: Desk, sink_id: SinkId, **options: Any) -> None:
    """Change a sink; what is left out stays as it is. Headers are replaced all together."""
    desk.show(desk.api.change(desk.path("sinks", sink_id), _fields(options), read_only=READ_ONLY))


@command(app, "delete")
def delete_sink(desk: Desk, sink_id: SinkId) -> None:
    """Remove a sink."""
    desk.api.call("DELETE", desk.path("sinks", sink_id))
    desk.done(f"removed the sink {sink_id}")


@command(app, "test")
def try_sink(
    desk: Desk,
    sink_id: SinkId,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the request, send nothing.")] = False,
) -> None:
    """Send a sample to a sink, and show what came back; code 1 when the sink did not take it."""
    answer = desk.api.call("POST", desk.path("sinks", sink_id, "test"), {"dry_run": dry_run}).body
    desk.show(answer)
    if answer["error"]:
        raise typer.Exit(1)


@command(app, "log")
def show_log(desk: Desk, sink_id: SinkId, limit: Limit = 50) -> None:
    """Show the last attempts at a sink, newest first."""
    columns = ("at", "ok", "status", "ms", "attempt", "error", "request_id")
    desk.show(desk.api.all_items(desk.path("sinks", sink_id, "deliveries"), limit=limit), columns)


@command(app, "rotate-secret", options=ROTATING)
def rotate_secret(desk: Desk, sink_id: SinkId, **options: Any) -> None:
    """Sign with a new secret, shown this once; older ones sign too for a while."""
    desk.show(desk.api.call("POST", desk.path("sinks", sink_id, "signing-secret"), given(options)).body)


@command(app, "end-old-secrets")
def end_old_secrets(desk: Desk, sink_id: SinkId) -> None:
    """Sign with the newest secret only."""
    desk.api.call("DELETE", desk.path("sinks", sink_id, "signing-secret", "old"))
    desk.done("only the newest secret signs")


def _in_short(sink: dict[str, Any]) -> dict[str, Any]:
    """The health of a sink, fit for columns."""
    health = sink["health"]
    return {"health": health["state"], "last_error": sink["disabled_reason"] or health["last_error"]}


def _add(desk: Desk, body: dict[str, Any]) -> None:
    desk.show(desk.api.call("POST", desk.path("sinks"), body).body)


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    """What was given, as the API names it."""
    fields = given(options)
    if headers := fields.pop("header", None):
        fields["headers"] = dict(map(_header, headers))
    return fields


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise InvalidInput(f"header: {text!r} must be NAME:VALUE", field="header")
    return name.strip(), value.strip()
