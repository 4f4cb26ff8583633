"""The pipeline stage, one core: unpack, simple filter with 10 % kept, batch, encode; the agent answers at once."""

from datetime import timedelta

import orjson

from headrace.adapters.expressions_jsonata import SandboxedExpressions
from headrace.domain.batches import cut
from headrace.domain.pipeline import Pipeline
from headrace.domain.program import Program
from headrace.domain.queues import QueueNames
from headrace.entry.collector import look_less_often
from headrace.ports.bus import Received
from headrace.stages.process import Ports, process
from headrace.stages.select import select
from headrace.wire.envelope import decode_body, encode_attributes, encode_records
from headrace.wire.otlp import decode_request
from tests.benchmarks.reference import RECORDS, request
from tests.benchmarks.timing import best_seconds
from tests.fakes.clock import FakeClock
from tests.fakes.outbound import FakeOutbound

_MESSAGES = 10
_PROJECT = "project"
_PIPELINE = Pipeline(agent_endpoint="http://agent", program=Program("severityNumber >= 17"), max_concurrency=1)


class _Fixed:
    """A configuration that is always the same, and tables and a bus that take anything."""

    def pipeline(self, project_id: str) -> Pipeline:
        return _PIPELINE

    def update(self, change: object) -> dict[str, object]:
        return {}


def measure() -> dict[str, float]:
    """Records per second, beside the parsing that nothing can do without."""
    look_less_often()  # as every door does
    records = decode_request("logs", "protobuf", request(), 0).records
    (packed,), _ = encode_records(records, record_limit_bytes=700 * 1024)
    attributes = encode_attributes(_PROJECT, "logs", packed, 0)
    queue = QueueNames().raw(_PROJECT)
    messages = [
        Received(f"message-{number}", queue, packed.body, attributes, 1, f"{number}:x", 0)
        for number in range(_MESSAGES)
    ]
    expressions = SandboxedExpressions(engine="jsonatapy", max_workers=1)
    outbound = FakeOutbound()
    ports = Ports(None, _Fixed(), _Fixed(), FakeClock(), expressions, outbound)

    def work() -> None:
        outbound.requests.clear()
        if process(messages, ports, lambda: timedelta(minutes=5)):
            raise AssertionError("the stage gave messages back")

    seconds = best_seconds(work)

    def without_sending() -> None:
        kept = [(each.id, select(each, _PIPELINE, expressions).kept) for each in messages]
        if sum(batch.records for batch in cut(kept, _PIPELINE.batch_size, orjson.dumps)) * 9 > RECORDS * _MESSAGES:
            raise AssertionError("the filter kept too much")

    alone = best_seconds(without_sending)
    body = decode_body(packed.body, attributes)
    floor = best_seconds(lambda: orjson.loads(body)) * _MESSAGES
    expressions.close()
    return {
        "pipeline: unpack, filter, batch, encode, records/s (at least 400,000)": RECORDS * _MESSAGES / alone,
        "pipeline: the same and post, to an agent that answers at once, records/s": RECORDS * _MESSAGES / seconds,
        "pipeline: orjson.loads of the same records alone, records/s": RECORDS * _MESSAGES / floor,
        "pipeline: times the time of orjson.loads alone": alone / floor,
    }
