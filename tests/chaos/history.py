"""What happened, as it was seen from outside of Headrace: one JSON object a line, written while it happens."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of a client, with records `first` to `first + count - 1`. Status 0: no whole answer came."""

    first: int
    count: int
    status: int
    at: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class Took:
    """One whole request at the agent. `done`: it gave a 2xx status, so that nobody has to send it again."""

    request_id: str
    answer: str
    done: bool
    records: list[int]
    at: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class Struck:
    """One fault, from its beginning to when it was mended."""

    kind: str
    target: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Dead:
    """One dead letter, as it lay there in the end."""

    reason: str
    records: list[int]


@dataclass(frozen=True, slots=True)
class Ended:
    """How it looked in the end: messages that were still waiting or being worked on."""

    in_flight: int


Event = Sent | Took | Struck | Dead | Ended

_TYPES: dict[str, Any] = {each.__name__: each for each in (Sent, Took, Struck, Dead, Ended)}


class History:
    """Appends to a file, from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._file = path.open("wb")

    def add(self, event: Event) -> None:
        line = orjson.dumps({"event": type(event).__name__, **asdict(event)}, option=orjson.OPT_APPEND_NEWLINE)
        with self._lock:
            self._file.write(line)

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> Iterator[Event]:
    """The events of a history, in the order in which they were written."""
    with path.open("rb") as lines:
        for line in lines:
            fields = orjson.loads(line)
            yield _TYPES[fields.pop("event")](**fields)
