"""`headrace status`."""

from headrace.cli.manage.command import Desk, command, noun

app = noun("Where the records of a project are, now.")


@command(app, "status")
def show_status(desk: Desk) -> None:
    """Show where the records of a project are, how deep its queues are, and how its agent is doing."""
    desk.show(desk.api.call("GET", desk.path("status")).body)
