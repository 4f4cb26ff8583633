"""The stage that makes runs of spans: acknowledged when stored, whatever else comes with them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import orjson
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from headrace.errors import Conflict, Unavailable
from headrace.intake.stages.receive import receive
from headrace.intake.wire.envelope import encode_attributes
from headrace.intake.wire.otlp import Encoding
from headrace.ports.bus import Message, Received
from headrace.ports.table import Put
from headrace.trace.operations.tracing import load_tracing
from headrace.trace.stages import trace as stage
from headrace.trace.stages.names import Names
from headrace.trace.stages.trace import TraceNeeds, trace
from headrace.trace.wire import run_items
from tests.fakes.span_archive import FakeSpanArchive
from tests.otlp_records import encode_records
from tests.unit.intake.wire.otlp_requests import as_otlp_json, key_values
from tests.unit.scene import PROJECT, RAW, SPANS, Scene

START = 1_768_473_000_000_000_000
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def flat(number: int = 1, trace_id: str = TRACE, **fields: Any) -> dict[str, Any]:
    made = {
        "signal": "span",
        "resourceAttributes": {"service.name": "desk"},
        "scope": {"name": "demo"},
        "name": "invoke_agent planner",
        "kind": "INTERNAL",
        "attributes": {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"},
        "traceId": trace_id,
        "spanId": f"{number:016x}",
        "parentSpanId": "",
        "timestamp": "2026-01-15T10:30:00Z",
        "endTimestamp": "2026-01-15T10:30:01Z",
        "durationNano": 1_000_000_000,
        "status": {"code": "UNSET"},
    }
    return made | fields


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def archive() -> FakeSpanArchive:
    return FakeSpanArchive()


@pytest.fixture
def needs(scene: Scene, archive: FakeSpanArchive) -> TraceNeeds:
    return TraceNeeds(
        scene.bus, partial(load_tracing, config=scene.config), scene.telemetry, scene.clock, Names(), archive
    )


def arrive(scene: Scene, *records: Any) -> list[Received]:
    """The message that these flat spans become, received."""
    (packed,) = encode_records(records, 100_000)
    attributes = encode_attributes(PROJECT, "traces", packed, scene.clock.now_unix_nano())
    scene.bus.publish(SPANS, [Message(packed.body, attributes)])
    return scene.bus.receive(SPANS, limit=1, lease=scene.remaining)


def stored_runs(scene: Scene) -> dict[str, int]:
    """Number of spans by trace."""
    runs = [run_items.decode_run(item) for item in scene.telemetry.items if item["sk"] == run_items.RUN]
    return {run["trace_id"]: run["span_count"] for run in runs}


def test_spans_are_stored_as_runs_and_as_rows(scene: Scene, needs: TraceNeeds, archive: FakeSpanArchive) -> None:
    assert trace(arrive(scene, flat(1), flat(2)), needs) == []
    assert stored_runs(scene) == {TRACE: 2}
    assert [span["agent"] for span in archive.spans(PROJECT)] == ["planner", "planner"]


def test_a_message_that_cannot_be_read_is_a_dead_letter_and_its_neighbours_are_not(
    scene: Scene, needs: TraceNeeds
) -> None:
    good = arrive(scene, flat())
    scene.bus.publish(SPANS, [Message("no json", {"project_id": PROJECT}), Message("[]", {})])
    bad = scene.bus.receive(SPANS, limit=2, lease=scene.remaining)
    assert trace([*bad, *good], needs) == []
    assert stored_runs(scene) == {TRACE: 1}
    reasons = [letter.reason for letter in scene.bus.dead_letters(SPANS).items]
    assert len(reasons) == 2
    assert all("not a message of spans" in reason for reason in reasons)


@pytest.mark.parametrize("part", ["telemetry", "archive", "config"])
def test_what_could_not_be_stored_comes_back_and_counts_once(
    scene: Scene, needs: TraceNeeds, archive: FakeSpanArchive, part: str
) -> None:
    broken = {"telemetry": scene.telemetry, "archive": archive, "config": scene.config}[part]
    messages = arrive(scene, flat(1), flat(2))
    broken.outage = Unavailable("down")
    with pytest.raises(Unavailable):
        trace(messages, needs)
    broken.outage = None
    assert trace(messages, needs) == []
    assert stored_runs(scene) == {TRACE: 2}


def test_a_fault_of_ours_in_one_message_costs_its_neighbours_nothing(
    scene: Scene, needs: TraceNeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    normalize: Callable[..., Any] = stage.normalize

    def fail_on_three(record: Any, prices: Any) -> Any:
        if record["spanId"].endswith("3"):
            raise RecursionError
        return normalize(record, prices)

    monkeypatch.setattr(stage, "normalize", fail_on_three)
    messages = [arrive(scene, flat(number, f"{number:032x}"))[0] for number in (1, 2, 3, 4)]
    assert trace(messages, needs) == [messages[2].id]
    assert len(stored_runs(scene)) == 3


def test_a_damaged_chunk_costs_its_spans_and_nothing_else(scene: Scene, needs: TraceNeeds) -> None:
    trace(arrive(scene, flat(1)), needs)
    (chunk,) = [item for item in scene.telemetry.items if item["sk"].startswith(run_items.CHUNK_PREFIX)]
    scene.telemetry.put({**chunk, "data": b"damage"})
    assert trace(arrive(scene, flat(2)), needs) == []
    assert stored_runs(scene) == {TRACE: 1}


def test_who_stores_a_span_of_the_same_trace_in_between_loses_nothing(scene: Scene, needs: TraceNeeds) -> None:
    mine, theirs = arrive(scene, flat(1)), arrive(scene, flat(2))
    transact = scene.telemetry.transact

    def overtaken(writes: Any) -> None:
        scene.telemetry.transact = transact
        trace(theirs, needs)
        transact(writes)

    scene.telemetry.transact = overtaken  # type: ignore[method-assign]
    assert trace(mine, needs) == []
    assert stored_runs(scene) == {TRACE: 2}


def test_many_writers_of_one_trace_lose_no_span(scene: Scene, needs: TraceNeeds) -> None:
    messages = [arrive(scene, flat(number)) for number in range(1, 13)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda each: trace(each, needs), messages)) == [[]] * 12
    assert stored_runs(scene) == {TRACE: 12}


def test_a_trace_that_is_contended_for_ever_comes_back(scene: Scene, needs: TraceNeeds) -> None:
    def always_late(writes: Any) -> None:
        if any(isinstance(write, Put) and write.item["sk"] == run_items.RUN for write in writes):
            raise Conflict("late")

    scene.telemetry.transact = always_late  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match=TRACE):
        trace(arrive(scene, flat()), needs)


def test_a_trace_of_ten_thousand_spans_in_many_requests_is_one_run(scene: Scene, needs: TraceNeeds) -> None:
    for start in range(0, 10_000, 2_000):
        records = [
            flat(number + 1, parentSpanId=f"{1:016x}" if number else "") for number in range(start, start + 2_000)
        ]
        assert trace(arrive(scene, *records), needs) == []
    assert stored_runs(scene) == {TRACE: 10_000}


def test_spans_that_only_define_agents_are_kept_and_are_no_run_in_lists(scene: Scene, needs: TraceNeeds) -> None:
    trace(
        arrive(scene, flat(attributes={"gen_ai.operation.name": "create_agent", "gen_ai.agent.name": "planner"})), needs
    )
    assert stored_runs(scene) == {TRACE: 1}
    entries = [item["sk"] for item in scene.telemetry.items if item["pk"] == run_items.runs_pk(PROJECT)]
    assert [sk.startswith(run_items.DEFINITION_PREFIX) for sk in entries] == [True]


def test_a_run_of_many_agents_users_and_sessions_that_began_earlier_than_it_seemed_moves_in_the_index(
    scene: Scene, needs: TraceNeeds
) -> None:
    chat = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    crowd = [
        flat(
            number,
            timestamp="2026-01-15T10:30:05Z",
            attributes={**chat, "gen_ai.agent.name": f"a{number}", "user.id": f"u{number}", "session.id": f"s{number}"},
        )
        for number in range(2, 22)
    ]
    assert trace(arrive(scene, *crowd), needs) == []
    assert trace(arrive(scene, flat(1, timestamp="2026-01-15T10:30:00Z")), needs) == []
    assert stored_runs(scene) == {TRACE: 21}
    (run,) = [item for item in scene.telemetry.items if item["sk"] == run_items.RUN]
    entries = [item["sk"] for item in scene.telemetry.items if item["pk"] == run_items.runs_pk(PROJECT)]
    assert len(entries) > 50
    assert sorted(run["entries"]) == entries


def test_calls_of_one_operation_with_any_number_of_durations_are_counted_once(scene: Scene, needs: TraceNeeds) -> None:
    spans = [flat(number, durationNano=10_000 * 2**number) for number in range(1, 41)]
    spans += [flat(100 + number, durationNano=15_000 * 2**number) for number in range(1, 41)]
    messages = arrive(scene, *spans)
    for _ in range(2):
        assert trace(messages, needs) == []
    (minute,) = [item for item in scene.telemetry.items if item["sk"].startswith("minute#")]
    assert minute["calls"] == 80
    assert sum(count for name, count in minute.items() if name[1:].isdigit()) == 80


# --- requests that are stored as they came ------------------------------------------------------------------------


def spans_request(count: int = 3) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    outer = request.resource_spans.add()
    outer.resource.attributes.extend(key_values({"service.name": "desk"}))
    inner = outer.scope_spans.add()
    inner.scope.name = "demo"
    for number in range(1, count + 1):
        span = inner.spans.add(trace_id=bytes.fromhex(TRACE), span_id=number.to_bytes(8, "big"), name="chat m", kind=3)
        span.start_time_unix_nano, span.end_time_unix_nano = START, START + 1_000_000
        span.attributes.extend(key_values({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}))
    return request


def send(scene: Scene, encoding: Encoding, body: bytes) -> list[Received]:
    """The messages that the receiver makes of one request, received."""
    receive("traces", encoding, body, PROJECT, scene.receiving())
    return scene.bus.receive(SPANS, limit=10, lease=scene.remaining)


def calls(scene: Scene) -> int:
    (minute,) = [item for item in scene.telemetry.items if item["sk"].startswith("minute#")]
    return int(minute["calls"])


def test_the_same_request_twice_and_once_as_json_counts_once(scene: Scene, needs: TraceNeeds) -> None:
    request = spans_request()
    as_json = orjson.dumps(as_otlp_json(request))
    for encoding, body in (("protobuf", request.SerializeToString()), ("json", as_json), ("json", as_json)):
        assert trace(send(scene, encoding, body), needs) == []
    assert stored_runs(scene) == {TRACE: 3}
    assert calls(scene) == 3


def test_a_receiver_that_dies_between_the_two_queues_and_is_sent_the_request_again_counts_it_once(
    scene: Scene, needs: TraceNeeds
) -> None:
    scene.pipeline(signals=("logs", "traces"))
    publish, queues = scene.bus.publish, []

    def dying(queue: str, messages: Any, **how: Any) -> list[str]:
        queues.append(queue)
        if len(queues) == 2:
            raise Unavailable("killed")
        return publish(queue, messages, **how)

    body = spans_request().SerializeToString()
    scene.bus.publish = dying  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        receive("traces", "protobuf", body, PROJECT, scene.receiving())
    scene.bus.publish = publish  # type: ignore[method-assign]
    for messages in (scene.bus.receive(SPANS, limit=10, lease=scene.remaining), send(scene, "protobuf", body)):
        assert trace(messages, needs) == []
    assert (stored_runs(scene), calls(scene)) == ({TRACE: 3}, 3)
    assert queues == [SPANS, RAW]


def test_spans_of_both_versions_make_one_run(scene: Scene, needs: TraceNeeds) -> None:
    assert trace(arrive(scene, flat(7)), needs) == []
    assert trace(send(scene, "protobuf", spans_request().SerializeToString()), needs) == []
    assert stored_runs(scene) == {TRACE: 4}
