"""A data directory with a project in it, the runtimes on it, and a way to look into both."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from headrace import bootstrap
from headrace.api.models import parse
from headrace.cli.credentials import Credentials, read_credentials
from headrace.cli.first_start import ensure_credentials
from headrace.ports.bus import DeadLetter, QueueStats
from headrace.ports.items import project_pk
from headrace.route.domain.delivery import SinkAttempt
from headrace.route.domain.sinks import Sink
from headrace.route.operations.deliveries import page_of_deliveries
from headrace.route.operations.pipelines import save_pipeline
from headrace.route.operations.sinks import add_sink
from headrace.route.wire.items import PIPELINE
from headrace.route.wire.pipeline_models import PipelineIn
from headrace.route.wire.sink_models import SinkIn
from headrace.upkeep.operations.change import Person
from tests.flow.process import Runtime, surprises

LONGEST_SECONDS = 30
"""A request of a test that takes longer than this has failed."""


class Deployment:
    """Made with credentials; starts as many runtimes as a test wants. `engines` are settings other than embedded."""

    def __init__(self, folder: Path, **engines: Any) -> None:
        self.data_dir = folder / "data"
        self._engines = engines
        self.log = folder / "stderr.log"
        self.tolerated: Callable[[dict[str, Any]], bool] = lambda event: False
        self.runtimes: list[Runtime] = []
        with self.opened():
            bootstrap.make_data_dir()
            ensure_credentials(self.data_dir, "http://127.0.0.1:1")
        self.key = self.credentials.api_key
        self.project_id = self.credentials.project_id

    @property
    def credentials(self) -> Credentials:
        return read_credentials(self.data_dir)

    def start(self, *command: str, **settings: str) -> Runtime:
        """A runtime that is ready: `headrace up` unless another `command` is given."""
        environment = {f"HEADRACE_{name.upper()}": str(value) for name, value in self._engines.items()}
        settings = {**environment, **settings}
        runtime = Runtime(self.data_dir, self.log, command=command or ("up",), **settings)
        self.runtimes.append(runtime)
        assert runtime.url
        return runtime

    def close(self) -> None:
        """End all runtimes; none of them may have met what nobody expected."""
        for runtime in self.runtimes:
            runtime.close()
        assert [event for event in surprises(self.log) if not self.tolerated(event)] == []

    # --- configuring and looking, in this process -------------------------------------------------------

    @contextmanager
    def opened(self) -> Iterator[None]:
        """`headrace.bootstrap` on the data directory."""
        bootstrap.override(data_dir=self.data_dir, **self._engines)
        try:
            yield
        finally:
            bootstrap.close()
            bootstrap.override(data_dir=None, **dict.fromkeys(self._engines))

    @property
    def _author(self) -> Person:
        return Person(self.project_id, "owner")

    def pipeline(self, agent_endpoint: str | None, **body: Any) -> None:
        """Save a pipeline; its batches wait for nothing unless `body` says so."""
        body = {"batch_window_ms": 0, "agent_endpoint": agent_endpoint, **body}
        with self.opened():
            save_pipeline(self._author, parse(PipelineIn, body), bootstrap.routing())

    def sink(self, url: str, **body: Any) -> Sink:
        """Add a sink, a webhook unless `body` says otherwise."""
        address = "webhook_url" if body.get("type") == "slack" else "url"
        with self.opened():
            whole = {"type": "webhook", address: url, **body}
            return add_sink(self._author, parse(SinkIn, whole), bootstrap.routing()).sink

    def sinks(self) -> list[Sink]:
        with self.opened():
            return bootstrap.configuration().sinks(self.project_id)

    def attempts(self, sink: Sink) -> list[SinkAttempt]:
        """What the log has of a sink, the oldest first."""
        with self.opened():
            found, _ = page_of_deliveries(self.project_id, sink.id, bootstrap.routing(), limit=1000)
            return found[::-1]

    def stored(self, sort_key: str = PIPELINE) -> dict[str, Any]:
        """An item of the project as it is stored."""
        with self.opened():
            item = bootstrap.table("config").get(project_pk(self.project_id), sort_key)
            assert item is not None
            return item

    def store(self, item: dict[str, Any]) -> None:
        """Put an item into the config table, unchecked."""
        with self.opened():
            bootstrap.table("config").put(item)

    def queue(self, kind: str) -> str:
        return f"gf-ai-{kind}-{self.project_id}"

    def stats(self, kind: str = "raw") -> QueueStats:
        with self.opened():
            return bootstrap.bus().stats(self.queue(kind))

    def idle(self, kind: str = "raw") -> bool:
        """Whether nothing waits and nothing is being worked on."""
        stats = self.stats(kind)
        return not stats.depth and not stats.in_flight

    def dead_letters(self, kind: str = "raw") -> Sequence[DeadLetter]:
        with self.opened():
            return bootstrap.bus().dead_letters(self.queue(kind), limit=1000).items

    def redrive(self, kind: str = "raw") -> int:
        with self.opened():
            return bootstrap.bus().redrive(self.queue(kind))

    # --- talking to a runtime ---------------------------------------------------------------------------

    def post(
        self, runtime: Runtime, path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> requests.Response:
        """A request with the project's key and JSON's content type, unless `headers` say otherwise."""
        given = {"X-API-Key": self.key, "Content-Type": "application/json", **(headers or {})}
        return requests.post(f"{runtime.url}{path}", data=body, headers=given, timeout=LONGEST_SECONDS)
