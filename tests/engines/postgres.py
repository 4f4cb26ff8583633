"""A private PostgreSQL cluster."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from signal import SIGINT
from typing import Any

import psycopg
import pytest

from tests.engines.server import Server, free_port

MISSING = "PostgreSQL's server is missing (Debian package postgresql)"

_FAST = ("fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=16MB")
"""The machine does not lose power in a test, and kill -9 takes nothing from the operating system."""


def program(name: str) -> str | None:
    """A program of the newest PostgreSQL here; Debian keeps most of them off the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((str(path / name) for path in versions if (path / name).exists()), shutil.which(name))


class Cluster:
    """Listens on a free port of 127.0.0.1; anybody there may do anything."""

    def __init__(self) -> None:
        initdb, postgres = program("initdb"), program("postgres")
        if initdb is None or postgres is None:
            pytest.skip(MISSING)
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short, as the path of a socket has to be
        self._how = _as_somebody_else(self._folder)
        data = self._folder / "data"
        subprocess.run(
            [initdb, "-D", data, "-U", "headrace", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"],
            check=True,
            capture_output=True,
            **self._how,
        )
        self.port = free_port()
        options = [part for setting in _FAST for part in ("-c", setting)]
        command = [postgres, "-D", data, "-k", self._folder, "-h", "127.0.0.1", "-p", self.port, *options]
        self._server = Server(command, self._folder / "log", self._answers, **self._how)
        self.start = self._server.start
        self.kill = self._kill

    @property
    def url(self) -> str:
        """Of the database that every cluster has."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Of one database."""
        return f"postgresql://headrace@127.0.0.1:{self.port}/{database}"

    def new_database(self, name: str) -> str:
        """Make an empty database; its URL."""
        self.execute(f'CREATE DATABASE "{name}"')
        return self.url_of(name)

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """The rows of a statement, if it has any."""
        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """End it and remove its files."""
        self._server.stop(SIGINT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        """The whole cluster at once: its processes share memory, and the first to notice ends the others."""
        self._server.kill()
        (self._folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def _answers(self) -> bool:
        try:
            return self.execute("SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            return False


def _as_somebody_else(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as the user that its package makes, who gets the folder."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": folder}
