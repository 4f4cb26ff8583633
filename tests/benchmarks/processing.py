"""The pipeline stage, one core: unpack, simple filter with 10 % kept, batch, encode; the agent answers at once."""

from collections.abc import Callable
from datetime import timedelta

import orjson

from headrace.adapters.expressions_jsonata import SandboxedExpressions
from headrace.entry.collector import look_less_often
from headrace.intake.wire.envelope import decode_body, encode_attributes
from headrace.ports.bus import Received
from headrace.ports.program import Program
from headrace.ports.queues import RAW, QueueNames
from headrace.route.domain.batches import cut
from headrace.route.domain.pipeline import Pipeline
from headrace.route.stages.needs import SendNeeds
from headrace.route.stages.process import process
from headrace.route.stages.select import select
from tests.benchmarks.reference import RECORDS, request
from tests.benchmarks.timing import best_seconds
from tests.fakes.clock import FakeClock
from tests.fakes.outbound import FakeOutbound
from tests.otlp_records import decode_request, encode_records

_MESSAGES = 10
_PROJECT = "project"
_PIPELINE = Pipeline(agent_endpoint="http://agent", program=Program("severityNumber >= 17"), max_concurrency=1)


class _Fixed:
    """A configuration that is always the same, and tables and a bus that take anything."""

    def pipeline(self, project_id: str) -> Pipeline:
        return _PIPELINE

    def update(self, change: object) -> dict[str, object]:
        return {}


class _Scene:
    """Ten messages of the reference request, and the needs of the stage."""

    def __init__(self) -> None:
        records = decode_request("logs", "protobuf", request(), 0).records
        (packed,), _ = encode_records(records, record_limit_bytes=700 * 1024)
        attributes = encode_attributes(_PROJECT, "logs", packed, 0)
        queue = QueueNames().name(RAW, _PROJECT)
        self.body = decode_body(packed.body, attributes)
        self.messages = [
            Received(f"message-{number}", queue, packed.body, attributes, 1, f"{number}:x", 0)
            for number in range(_MESSAGES)
        ]
        self.expressions = SandboxedExpressions(engine="jsonatapy", max_workers=1)
        self.outbound = FakeOutbound()
        self.needs = SendNeeds(None, _Fixed(), _Fixed(), FakeClock(), self.expressions, self.outbound)

    def process(self) -> None:
        self.outbound.requests.clear()
        if process(self.messages, self.needs, lambda: timedelta(minutes=5)):
            raise AssertionError("the stage gave messages back")

    def select(self) -> None:
        kept = [(each.id, select(each, _PIPELINE, self.expressions).kept) for each in self.messages]
        if sum(batch.records for batch in cut(kept, _PIPELINE.batch_size, orjson.dumps)) * 9 > RECORDS * _MESSAGES:
            raise AssertionError("the filter kept too much")


def work() -> Callable[[], object]:
    """One event, processed: what a profile looks into."""
    return _Scene().process


def measure() -> dict[str, float]:
    """Records per second, beside the parsing that nothing can do without."""
    look_less_often()  # as every door does
    scene = _Scene()
    seconds, alone = best_seconds(scene.process), best_seconds(scene.select)
    floor = best_seconds(lambda: orjson.loads(scene.body)) * _MESSAGES
    scene.expressions.close()
    return {
        "pipeline: unpack, filter, batch, encode, records/s (at least 400,000)": RECORDS * _MESSAGES / alone,
        "pipeline: the same and post, to an agent that answers at once, records/s": RECORDS * _MESSAGES / seconds,
        "pipeline: orjson.loads of the same records alone, records/s": RECORDS * _MESSAGES / floor,
        "pipeline: times the time of orjson.loads alone": alone / floor,
    }
