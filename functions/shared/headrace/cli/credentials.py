"""`credentials.json` in the data directory: how the command line finds and signs into a local runtime."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from headrace.errors import ConfigError, NotFound

FILE = "credentials.json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What contract section 9 puts into the file."""

    endpoint: str
    email: str
    password: str
    project_id: str
    api_key: str

    def at(self, endpoint: str) -> "Credentials":
        """The same for a runtime at another address."""
        return replace(self, endpoint=endpoint)


def read_credentials(data_dir: Path) -> Credentials:
    """The credentials of a data directory.

    Raises:
        NotFound: there are none yet.
        ConfigError: the file is damaged.
    """
    path = data_dir / FILE
    try:
        values = json.loads(path.read_text())
        return Credentials(**{each.name: str(values[each.name]) for each in fields(Credentials)})
    except FileNotFoundError as cause:
        raise NotFound(f"{path} is missing: run `headrace up` or `headrace init` first") from cause
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise ConfigError(f"{path} cannot be read: {cause!r}") from cause


def write_credentials(data_dir: Path, credentials: Credentials) -> None:
    """Write the file whole or not at all, readable by its owner only. Raises ConfigError."""
    try:
        write_private(data_dir / FILE, asdict(credentials))
    except OSError as cause:
        raise ConfigError(f"{data_dir / FILE} cannot be written: {cause.strerror or cause}") from cause


def write_private(path: Path, document: Mapping[str, Any]) -> None:
    """Replace the file by `document` as JSON, mode 0600; its folder is made if need be. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
