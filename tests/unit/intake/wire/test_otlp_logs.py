import math

import pytest
from hypothesis import given
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.unit.intake.wire.otlp_requests import (
    RECEIVED,
    any_value,
    from_json,
    from_protobuf,
    key_values,
    plain_values,
    records,
)

CONTRACT_EXAMPLE = {
    "resourceAttributes": {"service.name": "payment-service"},
    "scope": {"name": "my-library"},
    "severityNumber": 17,
    "severityText": "ERROR",
    "body": "Connection refused",
    "attributes": {"error.type": "ConnectionError"},
    "traceId": "0102030405060708090a0b0c0d0e0f10",
    "spanId": "0102030405060708",
    "timestamp": "2024-01-15T10:30:00Z",
}


def request_of(*logs, resource=None, scope=None):
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    resource_logs.resource.attributes.extend(key_values(resource or {}))
    scope_logs = resource_logs.scope_logs.add()
    scope_logs.scope.CopyFrom(scope or InstrumentationScope())
    scope_logs.log_records.extend(logs)
    return request


def flat(log=None, **fields):
    (record,) = records(from_protobuf("logs", request_of(log or LogRecord(**fields))))
    return record


def test_a_log_record_is_flattened_exactly_as_the_contract_shows():
    log = LogRecord(
        time_unix_nano=RECEIVED,
        severity_number=17,
        severity_text="ERROR",
        body=any_value("Connection refused"),
        attributes=key_values({"error.type": "ConnectionError"}),
        trace_id=bytes(range(1, 17)),
        span_id=bytes(range(1, 9)),
    )
    request = request_of(
        log, resource={"service.name": "payment-service"}, scope=InstrumentationScope(name="my-library")
    )
    (record,) = records(from_protobuf("logs", request))
    assert record == CONTRACT_EXAMPLE
    assert list(record) == list(CONTRACT_EXAMPLE)


def test_the_same_as_json_is_flattened_the_same():
    log = {
        "timeUnixNano": "1705314600000000000",
        "severityNumber": 17,
        "severityText": "ERROR",
        "body": {"stringValue": "Connection refused"},
        "attributes": [{"key": "error.type", "value": {"stringValue": "ConnectionError"}}],
        "traceId": "0102030405060708090A0B0C0D0E0F10",
        "spanId": "0102030405060708",
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "payment-service"}}]}
    scope_logs = {"scope": {"name": "my-library"}, "logRecords": [log]}
    found = from_json("logs", {"resourceLogs": [{"resource": resource, "scopeLogs": [scope_logs]}]})
    assert records(found) == [CONTRACT_EXAMPLE]


def test_an_empty_record_has_every_field_of_the_contract():
    assert flat() == {
        "resourceAttributes": {},
        "scope": {"name": ""},
        "severityNumber": 0,
        "severityText": "",
        "body": None,
        "attributes": {},
        "traceId": "",
        "spanId": "",
        "timestamp": "2024-01-15T10:30:00Z",
    }


@pytest.mark.parametrize(
    ("time", "observed", "timestamp"),
    [
        (RECEIVED + 1, RECEIVED + 2, "2024-01-15T10:30:00.000000001Z"),
        (RECEIVED + 1, 0, "2024-01-15T10:30:00.000000001Z"),
        (0, RECEIVED + 2, "2024-01-15T10:30:00.000000002Z"),
        (0, 0, "2024-01-15T10:30:00Z"),
    ],
)
def test_a_missing_time_falls_back_to_the_observed_one_and_then_to_the_receipt(time, observed, timestamp):
    assert flat(time_unix_nano=time, observed_time_unix_nano=observed)["timestamp"] == timestamp


def test_rare_fields_appear_when_present():
    log = LogRecord(observed_time_unix_nano=RECEIVED + 5 * 10**8, flags=1, event_name="user.login")
    scope = InstrumentationScope(name="lib", version="1.2", attributes=key_values({"k": 1}))
    (record,) = records(from_protobuf("logs", request_of(log, scope=scope)))
    assert record["observedTimestamp"] == "2024-01-15T10:30:00.5Z"
    assert (record["flags"], record["eventName"]) == (1, "user.login")
    assert record["scope"] == {"name": "lib", "version": "1.2", "attributes": {"k": 1}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        ("text", "text"),
        (0, 0),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**53 + 1, 2**53 + 1),
        (0.0, 0.0),
        (1.5, 1.5),
        (True, True),
        (False, False),
        (b"\x00\xff", "AP8="),
        (b"", ""),
        ([], []),
        ({}, {}),
        ([1, [2, {"a": [None, b"\x01"]}]], [1, [2, {"a": [None, "AQ=="]}]]),
        (None, None),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_a_value_keeps_its_json_type_in_bodies_and_attributes(value, expected):
    record = flat(body=any_value(value), attributes=key_values({"a": value}))
    for found in (record["body"], record["attributes"]["a"]):
        assert found == expected
        assert type(found) is type(expected)


@given(plain_values)
def test_every_value_comes_through_as_json_would_hold_it(value):
    assert flat(body=any_value(value))["body"] == _expected(value)


def _expected(value):
    from base64 import b64encode

    match value:
        case bytes():
            return b64encode(value).decode()
        case float() if not math.isfinite(value):
            return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
        case list():
            return [_expected(each) for each in value]
        case dict():
            return {key: _expected(each) for key, each in value.items()}
    return value


def test_of_two_attributes_with_one_name_the_last_counts():
    pairs = [KeyValue(key="a", value=any_value(1)), KeyValue(key="a", value=any_value(2))]
    assert flat(attributes=pairs)["attributes"] == {"a": 2}


@pytest.mark.parametrize("field", ["trace_id", "span_id"])
@pytest.mark.parametrize("length", [1, 7, 9, 15, 17, 32])
def test_an_id_of_the_wrong_length_refuses_its_record_and_no_other(field, length):
    good = LogRecord(severity_text="good")
    found = from_protobuf("logs", request_of(good, LogRecord(**{field: b"\x01" * length}), good))
    assert [record["severityText"] for record in records(found)] == ["good", "good"]
    assert found.refused.total() == 1
    assert f"{length} bytes" in found.reason()


@pytest.mark.parametrize("trace_id", [b"", bytes(16)])
@pytest.mark.parametrize("span_id", [b"", bytes(8)])
def test_absent_and_all_zero_ids_are_empty(trace_id, span_id):
    record = flat(trace_id=trace_id, span_id=span_id)
    assert (record["traceId"], record["spanId"]) == ("", "")


def test_refusals_are_counted_by_their_reason():
    bad = [LogRecord(trace_id=b"1"), LogRecord(trace_id=b"2"), LogRecord(span_id=b"3")]
    found = from_protobuf("logs", request_of(*bad))
    assert found.refused.total() == 3
    assert found.reason().startswith("2 refused: trace id of 1 bytes")


def test_records_of_many_resources_and_scopes_keep_their_own():
    request = ExportLogsServiceRequest()
    for name in ("a", "b"):
        request.MergeFrom(request_of(LogRecord(), LogRecord(), resource={"service.name": name}))
    names = [record["resourceAttributes"]["service.name"] for record in records(from_protobuf("logs", request))]
    assert names == ["a", "a", "b", "b"]


@pytest.mark.parametrize("signal", ["logs", "traces", "metrics"])
def test_an_empty_request_holds_nothing(signal):
    from tests.otlp_records import decode_request

    for encoding, body in (("protobuf", b""), ("json", b"{}")):
        found = decode_request(signal, encoding, body, RECEIVED)
        assert (found.records, found.refused.total(), found.reason()) == ([], 0, "")
