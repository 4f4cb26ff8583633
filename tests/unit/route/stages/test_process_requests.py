"""Requests that are stored as they came, all the way to the agent: with the real engine, on the fakes of a scene."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from headrace.adapters.expressions_jsonata import SandboxedExpressions
from headrace.intake.stages.receive import receive
from headrace.intake.wire.otlp_cut import RECORDS
from headrace.ports.bus import Message
from headrace.ports.outbound import NoAnswer
from tests.fakes.expressions import FakeExpressions
from tests.unit.intake.wire.last_release import FLATTEN
from tests.unit.intake.wire.otlp_requests import any_value, key_values
from tests.unit.scene import PROJECT, RAW, Scene

ERRORS = "severityNumber >= 17"


@pytest.fixture(scope="module")
def engine() -> Iterator[SandboxedExpressions]:
    made = SandboxedExpressions(max_workers=1)
    yield made
    made.close()


@pytest.fixture
def scene(engine: SandboxedExpressions) -> Scene:
    made = Scene()
    made.expressions = engine  # type: ignore[assignment]
    return made


def logs(*bodies: Any, severity: int = 17, time: int = 1_700_000_000_000_000_000) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    outer = request.resource_logs.add()
    outer.resource.attributes.extend(key_values({"service.name": "shop"}))
    inner = outer.scope_logs.add()
    for body in bodies:
        inner.log_records.add(severity_number=severity, time_unix_nano=time).body.CopyFrom(any_value(body))
    return request


def arrive(scene: Scene, request: Any, signal: Any = "logs") -> int:
    return receive(signal, "protobuf", request.SerializeToString(), PROJECT, scene.receiving()).accepted


def sent(scene: Scene) -> list[Any]:
    """The bodies of all records that the agent was sent."""
    return [record["body"] for batch in scene.outbound.bodies for record in batch]


def counted(scene: Scene) -> dict[str, int]:
    return {name: value for name, value in scene.counters.items() if isinstance(value, int)}


def work_off(scene: Scene, *, minutes: float = 5) -> None:
    for _ in range(100):
        if not scene.bus.messages(RAW):
            return
        scene.process()
        scene.clock.advance(minutes=minutes)
    raise AssertionError("the raw queue does not become empty")


def test_what_is_kept_reaches_the_agent_and_everything_is_counted(scene: Scene) -> None:
    scene.pipeline(ERRORS)
    arrive(scene, logs("one", "two"))
    arrive(scene, logs("quiet", severity=9))
    assert scene.process() == []
    assert sent(scene) == ["one", "two"]
    assert counted(scene) == {"accepted": 3, "filtered": 1, "delivered": 2}


def test_a_batch_is_to_the_byte_what_it_was_of_flat_records(scene: Scene) -> None:
    request = logs("x", 7, None, {"a": [1, 2.5, True]}, "é \x01")
    scene.pipeline(ERRORS, batch_size=100)
    arrive(scene, request)
    scene.process()
    (new,) = [each.body for each in scene.outbound.requests]
    scene.outbound.requests.clear()
    flat = FLATTEN["logs"](request, scene.clock.now_unix_nano()).records
    scene.arrive(orjson.loads(orjson.dumps(flat)))
    scene.process()
    assert [each.body for each in scene.outbound.requests] == [new]


def test_messages_of_both_versions_in_one_event_are_worked_off_and_batches_keep_their_request_id(scene: Scene) -> None:
    scene.pipeline(ERRORS, batch_size=10)
    scene.outbound.will(NoAnswer("gave no answer within 10 s"))
    scene.arrive([{"severityNumber": 17, "body": "old"}, {"severityNumber": 9, "body": "quiet"}])
    arrive(scene, logs("new"))
    scene.process()
    waiting = [each.headers["X-Request-ID"] for each in scene.outbound.requests]
    scene.outbound.will(200)
    scene.outbound.requests.clear()
    scene.clock.advance(minutes=5)
    work_off(scene)
    assert sorted(sent(scene)) == ["new", "old"]
    assert {each.headers["X-Request-ID"] for each in scene.outbound.requests} >= set(waiting)


def test_a_dead_record_waits_as_it_came_alone_and_is_delivered_after_a_redrive(scene: Scene) -> None:
    scene.pipeline("$number(body) > 1", on_error="dead_letter")
    arrive(scene, logs("2", "no number \x00\x01", "0"))
    scene.process()
    assert sent(scene) == ["2"]
    (letter,) = scene.bus.dead_letters(RAW).items
    assert (letter.attributes["schema_version"], letter.attributes["records"]) == ("2", "1")
    scene.pipeline(ERRORS)
    scene.advance(seconds=5)
    scene.bus.redrive(RAW, [letter.id])
    work_off(scene)
    assert sent(scene)[1:] == ["no number \x00\x01"]


def test_what_transforms_make_goes_to_the_agent_and_what_they_fail_on_is_buried_as_it_came(scene: Scene) -> None:
    scene.pipeline(ERRORS, [("$number(body)", "attributes.n", "float64")], on_error="dead_letter")
    arrive(scene, logs("2", "no number"))
    scene.process()
    ((record,),) = scene.outbound.bodies
    assert record["attributes"] == {"n": 2.0}
    assert record["resourceAttributes"] == {"service.name": "shop"}
    (letter,) = scene.bus.dead_letters(RAW).items
    assert letter.attributes["records"] == "1"


@pytest.mark.parametrize("change", [{"filter": "severityNumber > 99"}, {"signals": ("traces",)}])
def test_a_change_between_two_deliveries_counts_for_what_is_left(scene: Scene, change: dict[str, Any]) -> None:
    scene.pipeline(ERRORS)
    arrive(scene, logs("one"))
    arrive(scene, logs("two"))
    assert scene.process(limit=1) == []
    scene.advance(seconds=5)
    scene.pipeline(change.get("filter", ERRORS), **{k: v for k, v in change.items() if k != "filter"})
    scene.advance(seconds=5)
    scene.process()
    assert sent(scene) == ["one"]
    assert counted(scene) == {"accepted": 2, "filtered": 1, "delivered": 1}


def test_a_record_without_any_time_has_the_same_one_on_each_delivery(scene: Scene) -> None:
    scene.pipeline(ERRORS)
    arrive(scene, logs("x", time=0))
    received = scene.clock.now_unix_nano()
    scene.clock.advance(minutes=3)
    scene.outbound.will(NoAnswer("gave no answer within 10 s"))
    scene.process()
    scene.outbound.will(200)
    scene.clock.advance(minutes=30)
    work_off(scene)
    times = {record["timestamp"] for batch in scene.outbound.bodies for record in batch}
    assert times == {"2023-11-14T22:13:20Z"}
    assert received == 1_700_000_000 * 10**9


def test_a_message_full_of_records_that_are_all_kept_is_sent_whole(scene: Scene) -> None:
    scene.pipeline(ERRORS, batch_size=1000)
    arrive(scene, logs(*map(str, range(RECORDS))))
    work_off(scene)
    assert sent(scene) == list(map(str, range(RECORDS)))


def test_a_damaged_message_is_a_dead_letter_and_its_neighbours_are_not(scene: Scene) -> None:
    scene.pipeline(ERRORS)
    arrive(scene, logs("one"))
    (stored,) = scene.bus.messages(RAW)
    for body, attributes in (
        ("not base64", stored.attributes),
        ("H4sIAAAAAAAA", stored.attributes),
        (stored.body, {**stored.attributes, "signal": "smells"}),
        (stored.body, {**stored.attributes, "received_unix_nano": "now"}),
        (stored.body, {**stored.attributes, "schema_version": "3"}),
    ):
        scene.bus.publish(RAW, [Message(body, attributes)])
    assert scene.process() == []
    assert sent(scene) == ["one"]
    assert len(scene.bus.dead_letters(RAW).items) == 5


def test_an_engine_that_knows_nothing_of_paths_gets_flat_records_whole() -> None:
    scene = Scene()
    assert isinstance(scene.expressions, FakeExpressions)
    scene.pipeline(ERRORS)
    arrive(scene, logs("one"))
    arrive(scene, logs("quiet", severity=9))
    scene.process()
    assert sent(scene) == ["one"]
