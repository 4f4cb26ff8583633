"""An ASGI application in a real server on a free port, in a thread or in a process of its own."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from tests.sdk.loopback import PATIENCE_SECONDS


@contextmanager
def serving(app: Any, **settings: Any) -> Iterator[str]:
    """Base URL. The socket listens before the server runs: nobody polls. Leaving waits for the server's shutdown."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", **settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


@contextmanager
def serving_process(listener: socket.socket, name: str, folder: Path, **environment: str) -> Iterator[Any]:
    """The process that serves `name` (`module:app`, in `folder`); killed in the end.

    The listening socket is the test's, so that callers find the same address when a process comes after another.
    """
    descriptor = listener.fileno()
    command = [sys.executable, "-m", "uvicorn", name, "--fd", str(descriptor), "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, pass_fds=[descriptor])
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)
