"""A team at its desk: a project, a member of each role, the management API and the functions, all on the same fakes.

desk = Desk()
desk.put("/pipeline", {"agent_endpoint": AGENT})            # as the owner, below the project
desk.get("/status", role="viewer").json
desk.receive(logs("a", "b")); desk.process()                # the data path, one event at a time
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
from cryptography.fernet import Fernet

from headrace.adapters.vault_fernet import FernetVault
from headrace.api.roles import ROLES, Role
from headrace.intake.stages import receive
from headrace.ports.bus import Received
from headrace.ports.queues import OUTPUT, RAW, SPANS
from headrace.route.stages import accept_output, deliver, process
from headrace.route.stages.configuration import Configuration
from headrace.teams.operations.projects import create_project, membership_item
from headrace.trace.operations.tracing import load_tracing
from headrace.trace.stages import trace
from headrace.trace.stages.names import Names
from headrace.upkeep.wire.items import AUDIT_PREFIX
from tests.fakes.bus import FakeBus
from tests.fakes.clock import FakeClock
from tests.fakes.expressions import FakeExpressions
from tests.fakes.notifier import FakeNotifier
from tests.fakes.outbound import FakeOutbound
from tests.fakes.table import FakeTable
from tests.fakes.wiring import FakeWiring
from tests.functions.management import Api, Reply, make_needs
from tests.functions.otlp import as_json, logs

AGENT = "https://agent.example/process"
HOOK = {"type": "webhook", "url": "https://hook.example/"}
SLACK = {"type": "slack", "webhook_url": "https://hooks.slack.com/services/T000/B000/oh-so-secret"}
LEASE = timedelta(minutes=1)
LONG = timedelta(minutes=5)

FUNCTIONS = {
    "severityNumber >= 17": lambda record: record["severityNumber"] >= 17,
    "body": lambda record: record["body"],
    "body = 'a'": lambda record: record["body"] == "a",
    "title": lambda payload: payload["title"],
    "never": lambda _: False,
    "nothing": lambda _: None,
    "boom": lambda _: 1 / 0,
    "deep": lambda _: _nested(300),
}


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


class Desk:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.config, self.telemetry = FakeTable(self.clock), FakeTable(self.clock)
        self.bus, self.wiring, self.outbound = FakeBus(self.clock), FakeWiring(), FakeOutbound()
        self.notifier = FakeNotifier()
        self.vault = FernetVault([Fernet.generate_key().decode()])
        self.needs = make_needs(
            self.clock,
            config=self.config,
            telemetry=self.telemetry,
            bus=self.bus,
            wiring=self.wiring,
            outbound=self.outbound,
            notifier=self.notifier,
            vault=self.vault,
            expressions=FakeExpressions(FUNCTIONS),
        )
        self.api = Api(self.needs)
        self.project_id = create_project("shop", "owner", self.needs.teams())
        for role in ROLES:
            self.config.put(membership_item(self.project_id, role, role, self.clock.now_unix_nano()))
        self.sampler, self.names = receive.Sampler(), Names()

    # --- the management API, below the project ------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: Role = "owner",
        if_match: str | None = None,
        **query: Any,
    ) -> Reply:
        headers = {} if if_match is None else {"If-Match": if_match}
        whole, token = f"/projects/{self.project_id}{path}", self.api.token_of(role)
        return self.api.call(method, whole, body, token=token, headers=headers, query=query)

    def get(self, path: str, **how: Any) -> Reply:
        return self.call("GET", path, **how)

    def put(self, path: str, body: Any, **how: Any) -> Reply:
        return self.call("PUT", path, body, **how)

    def post(self, path: str, body: Any = None, **how: Any) -> Reply:
        return self.call("POST", path, body, **how)

    def delete(self, path: str, **how: Any) -> Reply:
        return self.call("DELETE", path, **how)

    @property
    def status(self) -> Any:
        return self.get("/status").json

    @property
    def audit(self) -> list[tuple[str, str]]:
        """Actions and targets, oldest first, of pipelines, sinks and dead letters."""
        kept = [item for item in self.config.items if item["sk"].startswith(AUDIT_PREFIX)]
        kinds = ("pipeline.", "sink.", "dead_letters.")
        kept.sort(key=lambda item: item["at_unix_nano"])
        return [(each["action"], each["target"]) for each in kept if each["action"].startswith(kinds)]

    # --- the functions ------------------------------------------------------------------------------------

    @property
    def configuration(self) -> Configuration:
        """Without memory."""
        nothing = timedelta(0)
        return Configuration(self.config, self.clock, ttl=nothing, open_secret=self.vault.open)

    @property
    def raw(self) -> str:
        return self.needs.queues.name(RAW, self.project_id)

    @property
    def spans(self) -> str:
        return self.needs.queues.name(SPANS, self.project_id)

    @property
    def output(self) -> str:
        return self.needs.queues.name(OUTPUT, self.project_id)

    def receive(self, *bodies: str, signal: Any = "logs", request: Any = None, **fields: Any) -> receive.Received:
        """One OTLP request: logs with these bodies, unless there is another one."""
        needs = receive.ReceiveNeeds(
            self.bus,
            self.configuration.signals,
            self.telemetry,
            self.clock,
            self.needs.queues,
            700 * 1024,
            self.sampler,
        )
        body = as_json(logs(*bodies, **fields) if request is None else request)
        return receive.receive(signal, "json", body, self.project_id, needs)

    def say(self, payload: Any) -> str:
        """One output of the agent."""
        needs = accept_output.AcceptNeeds(self.bus, self.telemetry, self.clock, self.needs.queues, 256 * 1024)
        return accept_output.accept_output(orjson.dumps(payload), "r-1", self.project_id, needs)

    def process(self) -> None:
        """Work off one event of the raw queue."""
        needs = process.ProcessNeeds(
            self.bus, self.configuration, self.telemetry, self.clock, self.needs.expressions, self.outbound
        )
        self._turn(self.raw, lambda messages: process.process(messages, needs, lambda: LONG))

    def deliver(self) -> None:
        """Work off one event of the output queue."""
        needs = deliver.DeliverNeeds(
            self.bus,
            self.configuration,
            self.telemetry,
            self.clock,
            self.needs.expressions,
            self.outbound,
            self.notifier,
        )
        self._turn(self.output, lambda messages: deliver.deliver(messages, needs, lambda: LONG))

    def trace(self, *spans: Any, service: str = "desk") -> None:
        """One request with these spans (OTLP/JSON), and the function that makes runs of them."""
        attributes = [{"key": "service.name", "value": {"stringValue": service}}]
        scope_spans = [{"scope": {"name": "demo"}, "spans": list(spans)}]
        request = {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": scope_spans}]}
        self.receive(signal="traces", request=request)
        self.work_off_spans()

    def work_off_spans(self) -> None:
        """Work off one event of the spans queue."""
        needs = trace.TraceNeeds(
            self.bus, partial(load_tracing, config=self.config), self.telemetry, self.clock, self.names
        )
        self._turn(self.spans, lambda messages: trace.trace(messages, needs))

    def process_all(self) -> None:
        """Let time pass until nothing is left on the raw queue."""
        for _ in range(100):
            if not self.bus.messages(self.raw):
                return
            self.process()
            self.clock.advance(minutes=5)
        raise AssertionError("the raw queue does not become empty")

    def _turn(self, queue: str, work: Any) -> None:
        messages: Sequence[Received] = self.bus.receive(queue, limit=10, lease=LEASE)
        failed = set(work(messages))
        outage, self.bus.outage = self.bus.outage, None  # the pump's own calls come later, when the bus is back
        self.bus.release([each for each in messages if each.id in failed])
        self.bus.acknowledge([each for each in messages if each.id not in failed])
        self.bus.outage = outage
