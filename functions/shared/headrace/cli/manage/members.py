"""`headrace member`."""

from typing import Annotated

import typer

from headrace.api.roles import Role
from headrace.cli.manage.command import Desk, command, noun

app = noun("Members: who may do what in a project.")

UserId = Annotated[str, typer.Argument(help="Id from `member list`.")]


@command(app, "list")
def list_members(desk: Desk) -> None:
    """List the members, with their roles."""
    desk.show(desk.api.all_items(desk.path("members")))


@command(app, "add")
def add_member(
    desk: Desk,
    email: Annotated[str, typer.Argument(help="Address of somebody who has signed up.")],
    role: Annotated[Role, typer.Option(help="What they may do.")],
) -> None:
    """Make somebody a member."""
    desk.show(desk.api.call("POST", desk.path("members"), {"email": email, "role": role}).body)


@command(app, "role")
def change_role(desk: Desk, user_id: UserId, role: Annotated[Role, typer.Argument(help="What they may do.")]) -> None:
    """Give a member another role."""
    desk.show(desk.api.call("PATCH", desk.path("members", user_id), {"role": role}).body)


@command(app, "remove")
def remove_member(desk: Desk, user_id: UserId) -> None:
    """Remove a member, or leave."""
    desk.api.call("DELETE", desk.path("members", user_id))
    desk.done(f"removed the member {user_id}")
