"""`headrace audit`."""

from headrace.cli.manage.command import Desk, Limit, command, noun

app = noun("Who changed what, and when.")


@command(app, "audit")
def list_audit(desk: Desk, limit: Limit = 50) -> None:
    """List who changed what and when, newest first."""
    desk.show(
        desk.api.all_items(desk.path("audit"), limit=limit), ("at", "email", "action", "target", "detail", "address")
    )
