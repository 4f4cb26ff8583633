"""The functions as AWS calls them, on embedded engines in a directory of the test's own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import orjson
import pytest

from headrace import bootstrap
from headrace.entry.queue import encode_event
from headrace.intake.wire.envelope import decode_body, is_request
from headrace.intake.wire.items import COUNTERS
from headrace.intake.wire.stored import decode_records
from headrace.observability import listen
from headrace.ports.bus import DeadLetter, Received
from headrace.ports.items import project_pk
from headrace.ports.program import Program, Transform
from headrace.route.domain.pipeline import Pipeline
from headrace.route.domain.sinks import Sink
from headrace.route.wire.items import encode_pipeline, encode_sink
from headrace.teams.domain.keys import hash_key, new_key
from headrace.teams.wire.items import KEY, key_pk
from tests.fakes.outbound import FakeOutbound

Kind = Literal["raw", "output", "spans"]

UNKNOWN_KEY = "hr_000000000000000000000000000000002wjyrI"
"""Well-formed, and given to nobody."""
LEASE = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """What `bootstrap` makes from now on lives in `tmp_path`; call it to change settings."""
    monkeypatch.setattr(bootstrap, "_overrides", {})

    def settle(**settings: Any) -> None:
        bootstrap.close()
        bootstrap.override(**settings)

    settle(data_dir=tmp_path / "data", config_cache_seconds=0.0, expression_workers=1)
    bootstrap.make_data_dir()
    yield settle
    bootstrap.close()


@pytest.fixture
def outbound(monkeypatch: pytest.MonkeyPatch) -> FakeOutbound:
    """The way out, which leads nowhere."""
    made = FakeOutbound()
    monkeypatch.setattr(bootstrap, "outbound", cache(lambda: made))
    return made


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[str], None]:
    """Takes the file of an engine, "bus" or "store", away, and leaves nothing that could be opened."""

    def break_down(engine: str) -> None:
        bootstrap.close()
        for path in (tmp_path / "data").glob(f"{engine}.db*"):
            path.unlink()
        (tmp_path / "data" / f"{engine}.db").mkdir()

    return break_down


@pytest.fixture(autouse=True)
def surprises() -> Iterator[list[str]]:
    """Events of level error, each of which is a fault of ours. A test takes out those that it wants."""
    found: list[str] = []
    unlisten = listen(lambda event: found.append(event["event"]) if event.get("level") == "error" else None)
    yield found
    unlisten()
    assert found == []


@dataclass(frozen=True)
class Project:
    """A project with a key: how it is configured, and what became of its messages."""

    id: str
    key: str

    def pipeline(self, *transforms: Transform, filter: str | None = None, **fields: Any) -> None:  # noqa: A002
        program = Program(filter, transforms)
        made = replace(Pipeline(agent_endpoint="http://agent.test/process", program=program), **fields)
        bootstrap.table("config").put(encode_pipeline(self.id, made))

    def sink(self, name: str = "one", **fields: Any) -> Sink:
        made = replace(Sink(uuid4().hex, "webhook", f"http://{name}.test/", name=name), **fields)
        bootstrap.table("config").put(encode_sink(self.id, made.with_secrets(bootstrap.vault().seal)))
        return made

    def queue(self, kind: Kind) -> str:
        names = bootstrap.queues()
        return names.name(names.kind(kind), self.id)

    def take(self, kind: Kind) -> Sequence[Received]:
        """What can be received now; it stays in work."""
        return bootstrap.source().receive(self.queue(kind), limit=1000, lease=LEASE)

    def stored(self, kind: Kind) -> list[Any]:
        """The JSON bodies of what can be received now."""
        return [orjson.loads(decode_body(each.body, each.attributes)) for each in self.take(kind)]

    def records(self, kind: Kind = "raw") -> list[Any]:
        """The records of what can be received now."""
        return [record for each in self.take(kind) for record in decode_records(each.body, each.attributes)]

    def depth(self, kind: Kind) -> int:
        return bootstrap.bus().stats(self.queue(kind)).depth

    def dead_letters(self, kind: Kind) -> list[tuple[Any, str]]:
        """Bodies as JSON, with the reasons."""
        letters = bootstrap.bus().dead_letters(self.queue(kind)).items
        return [(_content(each), each.reason) for each in letters]

    @property
    def counts(self) -> dict[str, int]:
        item = bootstrap.table("telemetry").get(project_pk(self.id), COUNTERS) or {}
        return {name: value for name, value in item.items() if isinstance(value, int)}


def new_project() -> Project:
    """One more project, with a key."""
    made = Project(str(uuid4()), new_key())
    key = {"pk": key_pk(hash_key(made.key)), "sk": KEY, "project_id": made.id}
    bootstrap.table("config").put(key)
    return made


@pytest.fixture
def project() -> Project:
    return new_project()


def as_sqs(messages: Sequence[Received]) -> list[dict[str, Any]]:
    """The records of an event with these messages."""
    return list(encode_event(messages)["Records"])


def _content(letter: DeadLetter) -> Any:
    if is_request(letter.attributes):
        return decode_records(letter.body, letter.attributes)
    return orjson.loads(decode_body(letter.body, letter.attributes))
