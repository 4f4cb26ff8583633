"""A filter that runs over keys of what is on the wire selects what it selects of flat records, one by one.

The other opinion is that of the last release: flat records from protobuf's own messages (`last_release`), each shown
to the engine whole.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from headrace.adapters.expressions_jsonata import SandboxedExpressions
from headrace.adapters.expressions_jsonata.tame import analyse
from headrace.intake.wire.envelope import Packed, encode_attributes, encode_request
from headrace.intake.wire.otlp_view import shape_of
from headrace.intake.wire.reading import reading_of
from headrace.intake.wire.stored import decode_records
from headrace.ports.bus import Received
from headrace.ports.program import Program, Transform
from headrace.ports.records import SIGNALS, Signal
from headrace.route.domain.pipeline import OnError, Pipeline
from headrace.route.stages.select import Selection, select
from headrace.route.stages.verdicts import Verdicts
from tests.otlp_records import encode_records
from tests.unit.intake.wire.last_release import FLATTEN
from tests.unit.intake.wire.otlp_requests import RECEIVED, REQUESTS, any_value, key_values
from tests.unit.intake.wire.otlp_signals import requests

CORPORA = Path(__file__).parent.parent / "corpora"
PLAIN = (CORPORA / "plain_expressions.txt").read_text("utf-8").splitlines()
HOSTILE = [json.loads(line)["expression"] for line in (CORPORA / "hostile_expressions.jsonl").read_text().splitlines()]
WIRE = [
    "attributes.`error.type` = 'ConnectionError'",
    "attributes.nested.a.b = 1 and severityNumber >= 17",
    "$exists(attributes.none) or attributes.empty = null",
    "attributes.twice = 'second'",
    "resourceAttributes.`service.name` = 'shop'",
    "$exists(resourceAttributes.absent) or resourceAttributes.null = null",
    "$contains(body, 'x')",
    "body.deep.deeper = 7",
    "body = 'x' or severityText in ['ERROR', 'x']",
    "attributes.n + 1 > 2",
    "$number(attributes.text) > 2",
    "name = 'x' and kind = 'SERVER' and status.code = 'ERROR'",
    "status.message = 'x' or signal = 'span'",
    "type = 'sum' and monotonic and temporality = 'delta'",
    "unit = 'By' or description = 'x' or nowhere = 1",
    "eventName = 'x' or $exists(eventName)",
]
thorough = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def tame(expressions: Sequence[str]) -> list[str]:
    """Those that are filtered on the wire; all others take the plain way whatever the form."""
    return [each for each in expressions if analyse(each) is not None]


@pytest.fixture(scope="module")
def engine() -> Iterator[SandboxedExpressions]:
    made = SandboxedExpressions(max_workers=1)
    yield made
    made.close()


def received(packed: Packed, signal: Signal, number: int = 0) -> Received:
    return Received(
        f"m-{number}", "gf-ai-raw-p", packed.body, encode_attributes("p", signal, packed, RECEIVED), 1, "r", 0
    )


def on_the_wire(signal: Signal, request: Any, pipeline: Pipeline, engine: Any, verdicts: Verdicts) -> object:
    message = received(encode_request(request.SerializeToString(), 1), signal)
    return outcome(select(message, pipeline, engine, verdicts), signal)


def one_by_one(signal: Signal, request: Any, pipeline: Pipeline, engine: Any) -> object:
    flat = FLATTEN[signal](REQUESTS[signal].FromString(request.SerializeToString()), RECEIVED)
    whole = encode_records(flat.records, 10**6) or encode_records([{}], 1)
    selection = select(received(whole[0], signal), pipeline, engine, Verdicts()) if flat.records else Selection()
    return outcome(selection, signal)


def outcome(selection: Selection, signal: Signal) -> object:
    dead = [
        (orjson.dumps(decode_records(single.body, encode_attributes("p", signal, single, RECEIVED))), reason)
        for single, reason in selection.dead
    ]
    kept = list(map(orjson.dumps, selection.kept))
    return kept, selection.filtered, selection.dropped, dead, selection.error


def good_ids(signal: Signal, request: Any) -> Any:
    """The receiver stores no record with a bad id, so neither does this."""
    for group in shape_of(signal).groups(request):
        for record in group.records:
            if signal == "metrics":
                if group.kind != "summary":
                    del record.exemplars[:]
                continue
            record.trace_id, record.span_id = (b"\x01" * 16, b"\x02" * 8)
            if signal == "traces":
                record.parent_span_id = b""
                del record.links[:]
    return request


def odd_logs() -> ExportLogsServiceRequest:
    """Records that differ in what filters read, in every way there is."""
    request = ExportLogsServiceRequest()
    bodies = ["x", "", "Connection refused", None, 7, [1, "x"], {"deep": {"deeper": 7}}, b"\x00", True, 1.5, "x" * 3000]
    attributes = [
        {},
        {"error.type": "ConnectionError", "n": 2},
        {"error.type": "other", "n": "two", "text": "3"},
        {"nested": {"a": {"b": 1}}, "text": "none", "n": None},
        {"empty": None, "error.type": ["ConnectionError"], "n": 2**62},
    ]
    for resource in ({}, {"service.name": "shop", "null": None}, {"service.name": "shop", "big": "r" * 4000}):
        outer = request.resource_logs.add()
        outer.resource.attributes.extend(key_values(resource))
        inner = outer.scope_logs.add()
        for number, body in enumerate(bodies):
            log = inner.log_records.add(severity_number=9 + number, severity_text="ERROR" if number % 2 else "")
            log.body.CopyFrom(any_value(body))
            log.attributes.extend(key_values(attributes[number % len(attributes)]))
            log.attributes.extend([*key_values({"twice": "first"}), *key_values({"twice": "second"})])
            log.event_name = "x" * (number % 3 == 0)
    return request


@pytest.mark.parametrize("on_error", ["forward", "drop", "dead_letter"])
@pytest.mark.parametrize("expression", tame([*WIRE, *PLAIN]))
def test_a_filter_selects_the_same(engine: SandboxedExpressions, expression: str, on_error: OnError) -> None:
    pipeline = Pipeline("http://agent", program=Program(expression), on_error=on_error)
    request, verdicts = odd_logs(), Verdicts()
    wanted = one_by_one("logs", request, pipeline, engine)
    for _ in range(2):  # the second time from what is remembered
        assert on_the_wire("logs", request, pipeline, engine, verdicts) == wanted


@pytest.mark.parametrize("expression", tame(HOSTILE))
def test_no_hostile_expression_selects_anything_else_on_the_wire(engine: SandboxedExpressions, expression: str) -> None:
    pipeline = Pipeline("http://agent", program=Program(expression))
    request = odd_logs()
    wanted = one_by_one("logs", request, pipeline, engine)
    assert on_the_wire("logs", request, pipeline, engine, Verdicts()) == wanted


@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data(), expression=st.sampled_from(WIRE), on_error=st.sampled_from(["forward", "drop", "dead_letter"]))
@thorough
def test_any_request_of_any_signal_is_selected_the_same(
    engine: SandboxedExpressions, signal: Signal, data: Any, expression: str, on_error: OnError
) -> None:
    request = good_ids(signal, data.draw(requests[signal]))
    program = Program(expression, data.draw(st.sampled_from([(), (Transform("1 / 0", "y", "json"),)])))
    pipeline = Pipeline("http://agent", program=program, on_error=on_error, signals=SIGNALS)
    wanted = one_by_one(signal, request, pipeline, engine)
    assert on_the_wire(signal, request, pipeline, engine, Verdicts()) == wanted


@pytest.mark.parametrize(
    ("signal", "path"),
    [
        ("logs", ()),
        ("logs", ("attributes",)),
        ("logs", ("resourceAttributes",)),
        ("logs", ("timestamp",)),
        ("logs", ("traceId",)),
        ("traces", ("durationNano",)),
        ("traces", ("events", "name")),
        ("metrics", ("value",)),
        ("metrics", ("scope", "name")),
    ],
)
def test_what_no_key_is_made_of_is_read_from_flat_records(signal: Signal, path: tuple[str, ...]) -> None:
    assert reading_of(signal, (path,)) is None
    assert reading_of(signal, (("severityNumber",), path)) is None
