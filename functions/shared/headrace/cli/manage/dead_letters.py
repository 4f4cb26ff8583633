"""`headrace dead-letters`."""

from typing import Annotated, Any

import typer

from headrace.cli.manage.command import Desk, Limit, command, confirm, noun
from headrace.ports.queues import KindName

app = noun("Dead letters: what was given up, and what is to become of it.")

Queue = Annotated[KindName, typer.Option(help="On their way to the agent, to the sinks, or to become runs.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Id from `list`; may be repeated. [default: all]")]


@command(app, "list")
def list_dead_letters(desk: Desk, queue: Queue = "raw", limit: Limit = 50) -> None:
    """List the dead letters of a queue, oldest first; --output json shows what they hold."""
    found = desk.api.all_items(desk.path("dead-letters"), limit=limit, queue=queue)
    desk.show(found, ("id", "at", "receive_count", "reason"))


@command(app, "redrive")
def redrive_dead_letters(desk: Desk, queue: Queue, ids: Ids = None) -> None:
    """Give dead letters a new start on their queue."""
    body: dict[str, Any] = {"queue": queue, **({"ids": ids} if ids else {})}
    desk.show(desk.api.call("POST", desk.path("dead-letters", "redrive"), body).body)


@command(app, "discard")
def discard_dead_letters(
    desk: Desk,
    queue: Queue,
    ids: Ids = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before all are removed.")] = False,
) -> None:
    """Remove dead letters for good."""
    if not ids and not yes:
        confirm(f"Remove all dead letters of the {queue} queue for good?")
    query = {"queue": queue, **({"ids": ",".join(ids)} if ids else {})}
    desk.show(desk.api.call("DELETE", desk.path("dead-letters"), query=query).body)
