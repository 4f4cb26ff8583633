"""`headrace pipeline`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli.manage.command import ROTATING, Desk, Options, command, given, noun
from headrace.cli.manage.files import read_object, read_records
from headrace.route.domain.pipeline import OnError

app = noun("The pipeline: what is kept of a project's records, and which agent gets it.")

READ_ONLY = ("version", "updated_at", "old_signing_secrets_until", "agent_health")
SETTABLE: Options = {
    "agent_endpoint": Annotated[str | None, typer.Option(help='URL that gets the batches; "" for none.')],
    "enabled": Annotated[bool | None, typer.Option(help="Whether records are consumed; they wait otherwise.")],
    "signals": Annotated[
        list[str] | None,
        typer.Option("--signal", help="What goes to the agent: logs, traces, metrics; may be repeated."),
    ],
    "filter": Annotated[str | None, typer.Option(help='JSONata; what it is true for is kept; "" for all.')],
    "on_error": Annotated[OnError | None, typer.Option(help="When an expression fails on a record.")],
    "batch_size": Annotated[int | None, typer.Option(help="Records in a request, at most.")],
    "batch_window_ms": Annotated[int | None, typer.Option(help="Milliseconds to wait for a full batch.")],
    "timeout_seconds": Annotated[float | None, typer.Option(help="For one request.")],
    "max_concurrency": Annotated[int | None, typer.Option(help="Requests at once.")],
    "signing_secret": Annotated[str | None, typer.Option(help='Signs the requests; "" for none.')],
}
"""Everything of a pipeline but its transforms, which come from a file."""


@command(app, "show")
def show_pipeline(desk: Desk) -> None:
    """Show the pipeline."""
    desk.show(desk.api.call("GET", desk.path("pipeline")).body)


@command(app, "set", options=SETTABLE)
def set_pipeline(
    desk: Desk,
    file: Annotated[
        Path | None, typer.Option(help="JSON object with what to set, as `show --output json` has it; - is stdin.")
    ] = None,
    **options: Any,
) -> None:
    """Change the pipeline; what is left out stays as it is."""
    in_file = {} if file is None else read_object(file)
    changes = {name: value for name, value in in_file.items() if name not in READ_ONLY}
    desk.show(desk.api.change(desk.path("pipeline"), {**changes, **given(options)}, read_only=READ_ONLY))


@command(app, "delete")
def delete_pipeline(desk: Desk) -> None:
    """Put the defaults back: nothing is consumed, and records wait."""
    desk.api.call("DELETE", desk.path("pipeline"))
    desk.done("the pipeline is at its defaults again; records wait")


@command(app, "rotate-secret", options=ROTATING)
def rotate_secret(desk: Desk, **options: Any) -> None:
    """Sign requests to the agent with a new secret, shown this once; older ones sign too for a while."""
    desk.show(desk.api.call("POST", desk.path("pipeline", "signing-secret"), given(options)).body)


@command(app, "end-old-secrets")
def end_old_secrets(desk: Desk) -> None:
    """Sign requests to the agent with the newest secret only."""
    desk.api.call("DELETE", desk.path("pipeline", "signing-secret", "old"))
    desk.done("only the newest secret signs")


@command(app, "test")
def try_pipeline(
    desk: Desk,
    file: Annotated[
        Path | None, typer.Option(help="Records, an object on each line; - is stdin. [default: those received last]")
    ] = None,
    filter: Annotated[str | None, typer.Option(help="JSONata. [default: the stored filter]")] = None,  # noqa: A002
) -> None:
    """Try the pipeline on records: what is kept, and what becomes of it. Nothing is stored or sent."""
    body = given({"filter": filter, "records": None if file is None else read_records(file)})
    answer = desk.api.call("POST", desk.path("pipeline", "test"), body).body
    desk.show(answer, ("kept", "error", "record"), items="results")
