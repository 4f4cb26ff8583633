"""`headrace rotate-secrets`: seals what is secret in the tables with the newest key."""

import typer

from headrace import bootstrap
from headrace.route.operations.resealing import RESEALERS
from headrace.upkeep.operations.rotate_secrets import rotate_secrets


def run_rotate_secrets() -> int:
    """Say what was done; exit code 1 when a secret could not be opened with any key."""
    done = rotate_secrets(bootstrap.table("config"), bootstrap.vault(), bootstrap.clock(), RESEALERS)
    typer.echo(f"{done.resealed} pipelines and sinks are sealed with the newest key now")
    for place in done.unreadable:
        typer.echo(f"{place} was sealed with a key that is not in HEADRACE_ENCRYPTION_KEYS", err=True)
    return int(bool(done.unreadable))
