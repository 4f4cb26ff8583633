import gzip

import orjson
import pytest

from headrace.errors import InvalidInput, TooLarge, Unavailable
from headrace.intake.stages.check_health import check_health
from headrace.intake.stages.receive import Received, receive
from headrace.intake.wire.envelope import decode_body
from headrace.intake.wire.stored import decode_records
from headrace.route.stages.accept_output import accept_output
from tests.unit.scene import OUTPUT, PROJECT, RAW, SPANS, Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()


def logs(*bodies, **more):
    records = [{"body": {"stringValue": body}, **more} for body in bodies]
    return orjson.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})


def spans(*names):
    records = [{"traceId": "01" * 16, "spanId": "02" * 8, "name": name} for name in names]
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": records}]}]})


def stored(scene, queue):
    return [record for each in scene.bus.messages(queue) for record in decode_records(each.body, each.attributes)]


def take(scene, signal, body):
    return receive(signal, "json", body, PROJECT, scene.receiving())


def test_logs_are_stored_on_the_raw_queue_with_all_a_reader_needs(scene):
    assert take(scene, "logs", logs("a", "b")) == Received(2, 0, "")
    assert [record["body"] for record in stored(scene, RAW)] == ["a", "b"]
    (message,) = scene.bus.messages(RAW)
    assert (message.attributes["project_id"], message.attributes["signal"]) == (PROJECT, "logs")
    assert scene.counters == {"accepted": 2}


@pytest.mark.parametrize(("signals", "on_raw"), [(("logs",), 0), (("logs", "traces"), 1)])
def test_spans_become_runs_and_go_to_the_agent_when_the_pipeline_asks_for_them(scene, signals, on_raw):
    scene.pipeline(signals=signals)
    take(scene, "traces", spans("x"))
    assert [len(stored(scene, queue)) for queue in (SPANS, RAW)] == [1, on_raw]
    assert scene.counters["accepted"] == 1


def test_metrics_go_to_the_raw_queue(scene):
    gauge = {"name": "m", "gauge": {"dataPoints": [{"asInt": 1}]}}
    take(scene, "metrics", orjson.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [gauge]}]}]}))
    assert [record["signal"] for record in stored(scene, RAW)] == ["metric"]


def test_an_empty_request_stores_nothing_and_is_fine(scene):
    assert take(scene, "logs", b"{}") == Received(0, 0, "")
    assert (scene.bus.messages(RAW), scene.counters) == ([], {})


def test_refused_records_are_told_and_the_rest_is_stored(scene):
    body = logs("good")[: -len(b"]}]}]}")] + b',{"traceId":"01"}]}]}]}'
    found = take(scene, "logs", body)
    assert (found.accepted, found.refused) == (1, 1)
    assert "trace id" in found.reason
    assert scene.counters == {"accepted": 1}


def test_a_record_over_the_limit_is_refused_with_the_limit(scene):
    found = take(scene, "logs", logs("good", "x" * 800_000))
    assert (found.accepted, found.refused) == (1, 1)
    assert str(700 * 1024) in found.reason


def test_a_bus_that_is_down_is_unavailable_and_nothing_is_counted(scene):
    scene.bus.outage = Unavailable("disk full")
    with pytest.raises(Unavailable):
        take(scene, "logs", logs("a"))
    assert scene.counters == {}


def test_counts_that_cannot_be_saved_do_not_refuse_what_is_stored(scene):
    scene.telemetry.outage = Unavailable("down")
    assert take(scene, "logs", logs("a")).accepted == 1


def test_a_bad_body_stores_nothing(scene):
    with pytest.raises(InvalidInput):
        take(scene, "logs", b"{")
    assert scene.bus.messages(RAW) == []


# --- what agents send back ------------------------------------------------------------------------------------


def accept(scene, body, request_id=None):
    return accept_output(body, request_id, PROJECT, scene.accepting())


@pytest.mark.parametrize("payload", [{"a": [1, None]}, [], "text", 7, None, True, {"é": "✓"}])
def test_any_json_value_becomes_a_message_with_its_id(scene, payload):
    message_id = accept(scene, orjson.dumps(payload), "r-1")
    (message,) = scene.bus.receive(OUTPUT, limit=9, lease=scene.remaining)
    assert message.id == message_id
    assert orjson.loads(decode_body(message.body, message.attributes)) == payload
    assert (message.attributes["request_id"], message.attributes["project_id"]) == ("r-1", PROJECT)
    assert scene.counters == {"outputs": 1}


@pytest.mark.parametrize("request_id", [None, ""])
def test_without_a_request_id_the_message_has_none(scene, request_id):
    accept(scene, b"1", request_id)
    assert "request_id" not in scene.bus.messages(OUTPUT)[0].attributes


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nan", b'"\xff"', b"[1,]", b"[" * 300 + b"]" * 300, gzip.compress(b"1", mtime=0)]
)
def test_what_is_not_json_or_nested_too_deep_is_invalid_input(scene, body):
    with pytest.raises(InvalidInput):
        accept(scene, body)
    assert scene.bus.messages(OUTPUT) == []


@pytest.mark.parametrize("request_id", ["x" * 201, "é", "a\nb", "a\tb"])
def test_a_request_id_that_no_header_could_carry_is_invalid_input(scene, request_id):
    with pytest.raises(InvalidInput) as caught:
        accept(scene, b"1", request_id)
    assert caught.value.field == "X-Request-ID"


@pytest.mark.parametrize(("size", "taken"), [(256 * 1024, True), (256 * 1024 + 1, False)])
def test_an_output_is_limited_in_size(scene, size, taken):
    body = b'"' + b"x" * (size - 2) + b'"'
    if taken:
        assert accept(scene, body)
        return
    with pytest.raises(TooLarge) as caught:
        accept(scene, body)
    assert (caught.value.size_bytes, caught.value.limit_bytes) == (size, 256 * 1024)


# --- health ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bus_down", "store_down"), [(False, False), (True, False), (False, True), (True, True)])
def test_health_tells_what_answers(scene, bus_down, store_down):
    scene.bus.outage = Unavailable("disk full") if bus_down else None
    scene.config.outage = Unavailable("locked") if store_down else None
    found = check_health(scene.bus, scene.config)
    assert found.healthy is not (bus_down or store_down)
    assert found.bus == ("unavailable: disk full" if bus_down else "connected")
    assert found.store == ("unavailable: locked" if store_down else "connected")
