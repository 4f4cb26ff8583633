"""`headrace serve`: some functions in one process, for containers; any number of replicas side by side."""

from rich.console import Console

from headrace import bootstrap
from headrace.errors import ConfigError
from headrace.runtime.serve import base_url, listen, serve
from headrace.runtime.template import choose, find_template, read_template

_console = Console(soft_wrap=True, highlight=False)


def run_serve(functions: str, host: str, port: int) -> None:
    """Serve the named functions (with commas between; all when there is no name) until told to stop.

    Raises:
        ConfigError: there is no such function, or what replicas have to share is missing.
    """
    template = find_template()
    chosen = choose(read_template(template), functions)
    _check_shared_secrets()
    with listen(host, port) as listener:
        endpoint = base_url(listener)
        serve(chosen, listener, lambda: _console.print(f"Headrace is ready at {endpoint}"))


def _check_shared_secrets() -> None:
    """What a data directory keeps for one machine, replicas on several machines must be given."""
    settings = bootstrap.settings()
    if settings.store_url.startswith("sqlite:"):
        return
    given = {"HEADRACE_JWT_KEYS": settings.jwt_keys, "HEADRACE_ENCRYPTION_KEYS": settings.encryption_keys}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise ConfigError(f"set {' and '.join(missing)}: all replicas need the same secrets (README, 'On containers')")
