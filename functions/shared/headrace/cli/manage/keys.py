"""`headrace key`."""

from typing import Annotated

import typer

from headrace.cli.manage.command import Desk, command, noun

app = noun("API keys: what applications send with, and agents answer with.")


@command(app, "list")
def list_keys(desk: Desk) -> None:
    """List the API keys, by their beginnings."""
    desk.show(desk.api.all_items(desk.path("api-keys")))


@command(app, "create")
def create_key(desk: Desk, name: Annotated[str, typer.Argument(help="What it is for.")]) -> None:
    """Make an API key. It is shown this once."""
    desk.show(desk.api.call("POST", desk.path("api-keys"), {"name": name}).body)


@command(app, "revoke")
def revoke_key(desk: Desk, key_id: Annotated[str, typer.Argument(metavar="ID", help="Id from `key list`.")]) -> None:
    """Revoke an API key; it stops working within the time that keys are remembered."""
    desk.api.call("DELETE", desk.path("api-keys", key_id))
    desk.done(f"revoked the key {key_id}")
