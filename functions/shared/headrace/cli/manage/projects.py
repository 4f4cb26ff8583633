"""`headrace project`."""

from typing import Annotated

import typer

from headrace.cli.manage.command import Desk, command, confirm, noun

app = noun("Projects: each has queues, members, keys, a pipeline and sinks of its own.")

Name = Annotated[str, typer.Argument(help="Name of the project, for people.")]


@command(app, "list", in_project=False)
def list_projects(desk: Desk) -> None:
    """List your projects, with your role in each."""
    desk.show(desk.api.all_items("/projects"))


@command(app, "create", in_project=False)
def create_project(desk: Desk, name: Name) -> None:
    """Make a project; you are its owner."""
    desk.show(desk.api.call("POST", "/projects", {"name": name}).body)


@command(app, "show")
def show_project(desk: Desk) -> None:
    """Show a project."""
    desk.show(desk.api.call("GET", desk.path()).body)


@command(app, "rename")
def rename_project(desk: Desk, name: Name) -> None:
    """Give a project another name."""
    desk.show(desk.api.call("PATCH", desk.path(), {"name": name}).body)


@command(app, "delete")
def delete_project(
    desk: Desk, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether that is meant.")] = False
) -> None:
    """Delete a project and everything in it, for good."""
    name = desk.api.call("GET", desk.path()).body["name"]
    if not yes:
        confirm(f"Delete the project {name!r} ({desk.project_id}) and everything in it?")
    desk.api.call("DELETE", desk.path())
    desk.done(f"deleted the project {name!r}")
