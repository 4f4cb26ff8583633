"""What the receiver stores of a request: as it came where it can, cut at records where it must, without what is bad."""

import base64
import gzip
import random
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from headrace.errors import InvalidInput, TooLarge
from headrace.intake.wire import otlp_cut
from headrace.intake.wire.envelope import MESSAGE_LIMIT_BYTES, Packed
from headrace.intake.wire.otlp_admit import FLAT_LIMIT_BYTES, Admitted, admit
from headrace.intake.wire.otlp_view import shape_of
from headrace.ports.records import SIGNALS
from tests.otlp_records import decode_request
from tests.unit.intake.wire.last_release import FLATTEN
from tests.unit.intake.wire.otlp_requests import RECEIVED, REQUESTS, key_values, records
from tests.unit.intake.wire.otlp_signals import requests

thorough = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
LIMIT = 700 * 1024


def logs(*bodies: str, resource: dict[str, Any] | None = None) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    outer = request.resource_logs.add(schema_url="https://example/resource")
    outer.resource.attributes.extend(key_values(resource or {"service.name": "shop"}))
    inner = outer.scope_logs.add(schema_url="https://example/scope")
    inner.scope.name = "lib"
    for number, body in enumerate(bodies):
        inner.log_records.add(time_unix_nano=RECEIVED + number, severity_number=9).body.string_value = body
    return request


def stored(packed: Packed) -> bytes:
    return gzip.decompress(base64.b64decode(packed.body))


def admitted(request: Any, *, limit: int = LIMIT) -> Admitted:
    return admit("logs", request.SerializeToString(), RECEIVED, record_limit_bytes=limit)


def noise(size: int, seed: int = 1) -> str:
    return base64.b64encode(random.Random(seed).randbytes(size * 3 // 4)).decode()


def within_bounds(packed: Packed) -> bool:
    shape = shape_of("logs")
    groups = list(shape.groups(shape.parts.FromString(stored(packed))))
    return packed.records == 1 or (
        packed.records <= otlp_cut.RECORDS
        and len(packed.body) <= MESSAGE_LIMIT_BYTES
        and len(stored(packed)) <= otlp_cut.PLAIN_BYTES
        and otlp_cut.flat_bytes(groups) <= otlp_cut.FLAT_BYTES
    )


def bodies(found: Admitted) -> list[str]:
    return [
        log.body.string_value
        for each in found.packed
        for outer in ExportLogsServiceRequest.FromString(stored(each)).resource_logs
        for inner in outer.scope_logs
        for log in inner.log_records
    ]


# --- as it came ------------------------------------------------------------------------------------------------


def test_a_request_that_fits_is_stored_as_it_came_to_the_byte() -> None:
    body = logs("a", "b").SerializeToString() + b"\xfa\x3f\x05later"  # with a field of a later version of OTLP
    (packed,) = admit("logs", body, RECEIVED, record_limit_bytes=LIMIT).packed
    assert (stored(packed), packed.records) == (body, 2)


def test_nothing_to_store_makes_no_message() -> None:
    for request in (ExportLogsServiceRequest(), logs()):
        assert admitted(request) == Admitted()


def test_a_metric_without_points_counts_for_nothing() -> None:
    request = ExportMetricsServiceRequest()
    inner = request.resource_metrics.add().scope_metrics.add()
    inner.metrics.add(name="none")
    inner.metrics.add(name="empty").gauge.SetInParent()
    body = request.SerializeToString()
    assert admit("metrics", body, RECEIVED, record_limit_bytes=LIMIT) == Admitted()
    inner.metrics.add(name="one").gauge.data_points.add(as_int=1)
    found = admit("metrics", request.SerializeToString(), RECEIVED, record_limit_bytes=LIMIT)
    assert [each.records for each in found.packed] == [1]


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\xff", b"\x0a\x02\x12\x05", b"{}"])
@pytest.mark.parametrize("signal", SIGNALS)
def test_what_is_no_request_is_invalid_input(signal: Any, body: bytes) -> None:
    with pytest.raises(InvalidInput, match="not a protobuf Export"):
        admit(signal, body, RECEIVED, record_limit_bytes=LIMIT)


# --- the same as one by one --------------------------------------------------------------------------------------


@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data(), cut=st.integers(1, 3))
@thorough
def test_however_a_request_is_cut_its_flat_records_and_refusals_are_those_of_the_whole(
    signal: Any, data: Any, cut: int
) -> None:
    request = data.draw(requests[signal])
    wanted = FLATTEN[signal](REQUESTS[signal].FromString(request.SerializeToString()), RECEIVED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(otlp_cut, "RECORDS", cut)
        found = decode_request(signal, "protobuf", request.SerializeToString(), RECEIVED)
    assert records(found) == records(wanted)
    assert found.refused == wanted.refused
    assert all(each.records <= cut for each in found.admitted.packed)


# --- cut -----------------------------------------------------------------------------------------------------------


def test_more_records_than_a_message_may_hold_are_cut_in_order() -> None:
    names = [str(number) for number in range(otlp_cut.RECORDS + 10)]
    found = admitted(logs(*names))
    assert bodies(found) == names
    assert [each.records for each in found.packed] == [otlp_cut.RECORDS, 10]


def test_noise_is_halved_until_it_fits() -> None:
    names = [noise(20_000, number) for number in range(100)]
    found = admitted(logs(*names))
    assert bodies(found) == names
    assert all(map(within_bounds, found.packed))
    assert len(found.packed) < 20


def test_a_large_resource_with_many_records_is_cut_by_what_it_comes_to() -> None:
    found = admitted(logs(*["x"] * 4000, resource={"big": "r" * 4000}))
    assert found.records == 4000
    assert len(found.packed) > 1
    assert all(map(within_bounds, found.packed))


def test_a_record_alone_may_be_larger_than_a_message() -> None:
    names = ["a", noise(500_000), "b"]
    found = admitted(logs(*names))
    assert bodies(found) == names
    assert [each.records for each in found.packed if len(each.body) > MESSAGE_LIMIT_BYTES] == [1]


def test_unknown_fields_of_a_megabyte_do_not_make_a_message_too_large() -> None:
    body = logs("a", "b").SerializeToString() + b"\xfa\x3f" + b"\x80\x80\x60" + noise(1_572_864).encode()
    found = admit("logs", body, RECEIVED, record_limit_bytes=LIMIT)
    assert bodies(found) == ["a", "b"]
    assert all(map(within_bounds, found.packed))


def test_a_part_keeps_resource_scope_and_their_schemas_even_a_resource_in_two_pieces() -> None:
    whole = logs("a", "b", "c")
    pieces = ExportLogsServiceRequest()
    pieces.resource_logs.add().resource.attributes.extend(key_values({"more": 1}))
    body = whole.SerializeToString()
    outer = whole.resource_logs[0].SerializeToString() + pieces.resource_logs[0].SerializeToString()
    body = b"\x0a" + bytes([len(outer) & 127 | 128, len(outer) >> 7]) + outer
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(otlp_cut, "RECORDS", 2)
        found = admit("logs", body, RECEIVED, record_limit_bytes=LIMIT)
    assert [each.records for each in found.packed] == [2, 1]
    for each in found.packed:
        (part,) = ExportLogsServiceRequest.FromString(stored(each)).resource_logs
        assert [pair.key for pair in part.resource.attributes] == ["service.name", "more"]
        assert (part.schema_url, part.scope_logs[0].schema_url) == (
            "https://example/resource",
            "https://example/scope",
        )
        assert part.scope_logs[0].scope.name == "lib"


def test_a_metric_that_is_cut_keeps_its_name_unit_description_kind_and_temporality() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="n", unit="By", description="d")
    metric.sum.aggregation_temporality, metric.sum.is_monotonic = 2, True
    for number in range(5):
        metric.sum.data_points.add(as_int=number, flags=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(otlp_cut, "RECORDS", 2)
        found = decode_request("metrics", "protobuf", request.SerializeToString(), RECEIVED)
    assert [each.records for each in found.admitted.packed] == [2, 2, 1]
    assert [(each["value"], each["flags"]) for each in found.records] == [(number, 1) for number in range(5)]
    shared = {"name": "n", "unit": "By", "description": "d", "type": "sum", "temporality": "cumulative"}
    assert all(shared.items() <= each.items() and each["monotonic"] for each in found.records)


def test_a_request_that_comes_to_too_much_is_refused_with_its_records_and_resource() -> None:
    request = logs(*["x"] * 10_000, resource={"big": "r" * 60_000})
    with pytest.raises(TooLarge, match="10000 records come to, each with its resource") as caught:
        admitted(request)
    assert caught.value.limit_bytes == FLAT_LIMIT_BYTES


# --- refused one by one ----------------------------------------------------------------------------------------------


def test_a_record_over_the_limit_is_refused_by_its_flat_json_and_its_neighbours_are_not() -> None:
    _, middle, _ = decode_request("logs", "protobuf", logs("a", "x", "b").SerializeToString(), RECEIVED).records
    around = len(orjson.dumps(middle)) - 1
    for over, wanted in ((0, 3), (1, 2)):
        request = logs("a", "x" * (2000 - around + over), "b")
        found = admitted(request, limit=2000)
        assert (found.records, found.refused.total()) == (wanted, over)
    assert found.reason() == "1 refused: record over 2000 bytes"
    assert bodies(found) == ["a", "b"]


@pytest.mark.parametrize("letter", ["\x01", "é", "\U0001f600", '"', "x"])
def test_no_record_over_the_limit_slips_through_whatever_json_makes_of_it(letter: str) -> None:
    for size in range(100, 1500, 100):
        request = logs(letter * size)
        flat = orjson.dumps(decode_request("logs", "protobuf", request.SerializeToString(), RECEIVED).records[0])
        assert admitted(request, limit=1500).records == int(len(flat) <= 1500)


def test_refusals_of_a_request_that_is_cut_add_up() -> None:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in range(30):
        spans.add(name=str(number), trace_id=b"\x01" * (16 if number % 3 else 5), span_id=b"\x02" * 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(otlp_cut, "RECORDS", 7)
        found = decode_request("traces", "protobuf", request.SerializeToString(), RECEIVED)
    assert [each["name"] for each in found.records] == [str(number) for number in range(30) if number % 3]
    assert found.reason() == "10 refused: trace id of 5 bytes, 16 are needed"
