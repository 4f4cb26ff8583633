"""`headrace project|key|member|pipeline|sink|runs|…`: the management API on the command line.

One module for each noun. They speak to the API and to nothing else, so they manage a deployment far away as well as
`headrace up` on this machine. What every command takes and does first is in `command`.
"""

import typer

from headrace.cli.manage import audit, dead_letters, keys, members, pipeline, projects, runs, sinks, status


def add_to(app: typer.Typer) -> None:
    """Add all nouns to the command line; runs, status and audit are commands without further words."""
    app.add_typer(projects.app, name="project")
    app.add_typer(keys.app, name="key")
    app.add_typer(members.app, name="member")
    app.add_typer(pipeline.app, name="pipeline")
    app.add_typer(sinks.app, name="sink")
    app.add_typer(dead_letters.app, name="dead-letters")
    app.add_typer(runs.app)
    app.add_typer(status.app)
    app.add_typer(audit.app)
