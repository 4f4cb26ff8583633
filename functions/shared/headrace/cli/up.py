"""`headrace up`: the embedded runtime with its first start."""

import socket
from collections.abc import Callable

from rich.console import Console

from headrace import bootstrap
from headrace.cli.credentials import FILE, Credentials, write_credentials
from headrace.cli.first_start import PROJECT, ensure_credentials
from headrace.runtime.queue_process import QueueProcess
from headrace.runtime.serve import base_url, listen, serve
from headrace.runtime.template import find_template, read_template

_console = Console(soft_wrap=True, highlight=False)


def run_up(host: str, port: int) -> None:
    """Serve until told to stop; print one line with the base URL when ready.

    Raises:
        ConfigError: the address, a setting or the bus cannot be used.
    """
    with listen(host, port) as listener:
        endpoint, data_dir = base_url(listener), bootstrap.make_data_dir()
        bootstrap.source()  # a bus that cannot be used here is refused before there is an account
        credentials, new = ensure_credentials(data_dir, endpoint)
        if new:
            _introduce(credentials)
        elif credentials.endpoint != endpoint:
            write_credentials(data_dir, credentials.at(endpoint))
        _serve(listener, lambda: _console.print(f"Headrace is ready at {endpoint}"))


def _serve(listener: socket.socket, ready: Callable[[], None]) -> None:
    """What answers HTTP and what has schedules in this process, what empties queues in one beside it."""
    functions = read_template(find_template())
    with QueueProcess([function for function in functions if function.queue]) as queues:
        serve([function for function in functions if not function.queue], listener, ready, queues.is_ready)


def _introduce(credentials: Credentials) -> None:
    path = bootstrap.settings().data_dir / FILE
    _console.print(f"First start. Made an account, the project '{PROJECT}' and an API key, kept in {path}:")
    _console.print(f"  e-mail    {credentials.email}")
    _console.print(f"  password  {credentials.password}")
    _console.print(f"  project   {credentials.project_id}")
    _console.print(f"  API key   {credentials.api_key}")
