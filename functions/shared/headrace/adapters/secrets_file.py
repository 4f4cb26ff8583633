"""Secrets that a deployment on one machine makes for itself: files in the data directory, only its owner's to read."""

import os
from collections.abc import Callable
from pathlib import Path

from headrace.errors import ConfigError


def local_secret(data_dir: Path, name: str, make: Callable[[], str]) -> str:
    """The secret called `name`, made at first use. Processes that start at once get the same one.

    Raises:
        ConfigError: its file cannot be read or written.
    """
    path = data_dir / f"{name}.secret"
    try:
        if not path.exists():
            _write_once(path, make())
        return path.read_text().strip()
    except OSError as cause:
        raise ConfigError(f"{path} cannot be used: {cause.strerror}") from cause


def _write_once(path: Path, value: str) -> None:
    """Write a draft and link it to its name: whole or not at all, and only the first of several wins."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
