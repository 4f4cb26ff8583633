"""`headrace migrate`: brings the database to the schema that this version needs."""

import typer

from headrace import bootstrap


def run_migrate() -> None:
    """Print what was done. Safe to repeat, and to run from many places at once."""
    done = bootstrap.migrate()
    for step in done:
        typer.echo(f"migrated: {step}")
    if not done:
        typer.echo("nothing to migrate")
