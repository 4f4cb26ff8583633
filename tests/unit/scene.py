"""Everything that a stage needs, made of fakes, and one turn of the pump: receive, call, settle.

scene = Scene()
scene.pipeline(batch_size=2)
scene.arrive([{"n": 1}, {"n": 2}])
assert scene.process() == []            # ids of messages that have to come back
assert scene.outbound.bodies == [[{"n": 1}, {"n": 2}]]
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from headrace.intake.stages import receive
from headrace.intake.wire.envelope import encode_attributes, encode_text
from headrace.intake.wire.items import COUNTERS
from headrace.observability import listen
from headrace.ports.bus import Message
from headrace.ports.items import project_pk
from headrace.ports.program import Program, Transform
from headrace.ports.queues import QueueNames
from headrace.route.domain.pipeline import Pipeline
from headrace.route.domain.sinks import Sink
from headrace.route.stages import accept_output, deliver, process
from headrace.route.stages.configuration import Configuration
from headrace.route.stages.deliver import DeliverNeeds
from headrace.route.stages.hold_off import HoldOff
from headrace.route.stages.log_deliveries import DeliveryLog
from headrace.route.wire.items import encode_pipeline, encode_sink
from headrace.teams.domain.keys import hash_key, new_key
from headrace.teams.stages.authenticate import ApiKeys
from headrace.teams.wire.items import KEY, key_pk
from tests.fakes.bus import FakeBus
from tests.fakes.clock import FakeClock
from tests.fakes.expressions import FakeExpressions
from tests.fakes.notifier import FakeNotifier
from tests.fakes.outbound import FakeOutbound
from tests.fakes.table import FakeTable
from tests.otlp_records import encode_records

PROJECT = "p-1"
AGENT = "http://agent.example/process"
RAW, OUTPUT, SPANS = f"gf-ai-raw-{PROJECT}", f"gf-ai-output-{PROJECT}", f"gf-ai-spans-{PROJECT}"
LEASE = timedelta(seconds=20)
LONG = timedelta(minutes=5)

FUNCTIONS = {
    "severityNumber >= 17": lambda record: record["severityNumber"] >= 17,
    "n": lambda record: record["n"],
    "n > 1": lambda record: record["n"] > 1,
    "nothing": lambda _: None,
    "shape": lambda payload: {"shaped": payload},
    "boom": lambda _: 1 / 0,
}


class Scene:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.bus = FakeBus(self.clock)
        self.config, self.telemetry = FakeTable(self.clock), FakeTable(self.clock)
        self.expressions, self.outbound = FakeExpressions(FUNCTIONS), FakeOutbound()
        self.notifier, self.log, self.hold_off = FakeNotifier(), DeliveryLog(), HoldOff()
        self.configuration = Configuration(self.config, self.clock, ttl=timedelta(seconds=2))
        self.api_keys = ApiKeys(self.config, self.clock, ttl=timedelta(seconds=30))
        self.remaining = LONG
        self.events: list[dict[str, Any]] = []
        listen(self.events.append)

    # --- configuration -----------------------------------------------------------------------------------

    def key(self, project_id: str = PROJECT) -> str:
        """A new API key of the project."""
        key = new_key()
        self.config.put({"pk": key_pk(hash_key(key)), "sk": KEY, "project_id": project_id})
        return key

    def revoke(self, key: str) -> None:
        self.config.delete(key_pk(hash_key(key)), KEY)

    def pipeline(self, filter: str | None = None, transforms: Any = (), **fields: Any) -> Pipeline:  # noqa: A002
        """Store a pipeline with an agent."""
        program = Program(filter, tuple(Transform(*each) for each in transforms))
        made = replace(Pipeline(agent_endpoint=AGENT, program=program), **fields)
        self.config.put(encode_pipeline(PROJECT, made))
        return made

    def sink(self, sink_id: str = "s-1", kind: Any = "webhook", **fields: Any) -> Sink:
        """Store a sink."""
        made = replace(Sink(sink_id, kind, f"http://{sink_id}.example/hook"), **fields)
        self.config.put(encode_sink(PROJECT, made))
        return made

    # --- messages ----------------------------------------------------------------------------------------

    def arrive(self, records: list[Any], signal: str = "logs", project_id: str = PROJECT) -> list[str]:
        """Put records onto the raw queue, as the receiver does."""
        packed = encode_records(records)
        now = self.clock.now_unix_nano()
        messages = [Message(each.body, encode_attributes(project_id, signal, each, now)) for each in packed]
        return self.bus.publish(RAW, messages)

    def say(self, payload: Any, **more: str) -> str:
        """Put an output onto the output queue, as the agent's door does."""
        packed = encode_text(orjson.dumps(payload))
        attributes = encode_attributes(PROJECT, "output", packed, self.clock.now_unix_nano())
        (message_id,) = self.bus.publish(OUTPUT, [Message(packed.body, {**attributes, **more})])
        return message_id

    def process(self, limit: int = 10) -> list[str]:
        """One event of the raw queue."""
        needs = process.ProcessNeeds(
            self.bus, self.configuration, self.telemetry, self.clock, self.expressions, self.outbound
        )
        return self._turn(RAW, limit, lambda messages: process.process(messages, needs, lambda: self.remaining))

    def deliver(self, limit: int = 10) -> list[str]:
        """One event of the output queue."""
        needs = self.delivering()
        return self._turn(OUTPUT, limit, lambda messages: deliver.deliver(messages, needs, lambda: self.remaining))

    def delivering(self) -> DeliverNeeds:
        return DeliverNeeds(
            self.bus,
            self.configuration,
            self.telemetry,
            self.clock,
            self.expressions,
            self.outbound,
            self.notifier,
            self.log,
            self.hold_off,
        )

    def _turn(self, queue: str, limit: int, work: Any) -> list[str]:
        messages = self.bus.receive(queue, limit=limit, lease=LEASE)
        failed = list(work(messages))
        outage, self.bus.outage = self.bus.outage, None  # the pump's own calls come later, when the bus is back
        self.bus.release([each for each in messages if each.id in failed])
        self.bus.acknowledge([each for each in messages if each.id not in failed])
        self.bus.outage = outage
        return failed

    def advance(self, **units: float) -> None:
        self.clock.advance(**units)

    # --- what came of it ---------------------------------------------------------------------------------

    @property
    def counters(self) -> dict[str, Any]:
        """The counters of the project, without the item's keys."""
        found = self.telemetry.get(project_pk(PROJECT), COUNTERS) or {}
        return {name: value for name, value in found.items() if name not in ("pk", "sk")}

    def dead(self, queue: str = RAW) -> list[str]:
        """The reasons of the dead letters."""
        return [letter.reason for letter in self.bus.dead_letters(queue).items]

    def dead_bodies(self, queue: str = RAW) -> list[Any]:
        return [orjson.loads(letter.body) for letter in self.bus.dead_letters(queue).items]

    def request_ids(self) -> list[str]:
        return [request.headers["X-Request-ID"] for request in self.outbound.requests]

    def receiving(self) -> receive.ReceiveNeeds:
        return receive.ReceiveNeeds(
            self.bus, self.configuration.signals, self.telemetry, self.clock, QueueNames(), 700 * 1024
        )

    def accepting(self) -> accept_output.AcceptNeeds:
        return accept_output.AcceptNeeds(self.bus, self.telemetry, self.clock, QueueNames(), 256 * 1024)
