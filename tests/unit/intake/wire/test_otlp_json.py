import pytest

from headrace.errors import InvalidInput
from tests.otlp_records import decode_request
from tests.unit.intake.wire.otlp_requests import RECEIVED, from_json, records


def log_request(log):
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]}


def log_of(log):
    (record,) = records(from_json("logs", log_request(log)))
    return record


LOG = "resourceLogs[0].scopeLogs[0].logRecords[0]"


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ([], ""),
        ("text", ""),
        (None, ""),
        ({"resourceLogs": {}}, "resourceLogs"),
        ({"resourceLogs": [[]]}, "resourceLogs[0]"),
        ({"resourceLogs": [None]}, "resourceLogs[0]"),
        ({"resourceLogs": [{}, {"scopeLogs": 7}]}, "resourceLogs[1].scopeLogs"),
        (log_request({"timeUnixNano": "soon"}), f"{LOG}.timeUnixNano"),
        (log_request({"timeUnixNano": -1}), f"{LOG}.timeUnixNano"),
        (log_request({"timeUnixNano": 2**64}), f"{LOG}.timeUnixNano"),
        (log_request({"timeUnixNano": 1.5}), f"{LOG}.timeUnixNano"),
        (log_request({"timeUnixNano": True}), f"{LOG}.timeUnixNano"),
        (log_request({"severityNumber": "SEVERITY_NUMBER_ERROR"}), f"{LOG}.severityNumber"),
        (log_request({"severityNumber": 2**31}), f"{LOG}.severityNumber"),
        (log_request({"severityText": 17}), f"{LOG}.severityText"),
        (log_request({"traceId": 17}), f"{LOG}.traceId"),
        (log_request({"flags": [1]}), f"{LOG}.flags"),
        (log_request({"body": "text"}), f"{LOG}.body"),
        (log_request({"body": {"boolValue": "true"}}), f"{LOG}.body.boolValue"),
        (log_request({"body": {"intValue": "2.5"}}), f"{LOG}.body.intValue"),
        (log_request({"body": {"doubleValue": "much"}}), f"{LOG}.body.doubleValue"),
        (log_request({"body": {"doubleValue": True}}), f"{LOG}.body.doubleValue"),
        (log_request({"body": {"bytesValue": "not base64!"}}), f"{LOG}.body.bytesValue"),
        (log_request({"body": {"arrayValue": []}}), f"{LOG}.body.arrayValue"),
        (
            log_request({"attributes": [{"key": "a"}, {"key": "b", "value": {"stringValue": {}}}]}),
            f"{LOG}.attributes[1].value.stringValue",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_invalid_input_at_its_path(tree, path):
    with pytest.raises(InvalidInput) as caught:
        from_json("logs", tree)
    assert caught.value.field == path
    assert path in str(caught.value)


@pytest.mark.parametrize("spelling", ["AP//+w==", "AP//+w", "AP__-w==", "AP__-w"])
def test_bytes_are_base64_in_both_alphabets_padded_or_not(spelling):
    assert log_of({"body": {"bytesValue": spelling}})["body"] == "AP//+w=="


@pytest.mark.parametrize("body", [b"", b"{", b'{"resourceLogs": [}', b"\xff", b"\x1f\x8b", b"[" * 5000])
@pytest.mark.parametrize("signal", ["logs", "traces", "metrics"])
def test_what_is_not_json_is_invalid_input(signal, body):
    with pytest.raises(InvalidInput):
        decode_request(signal, "json", body, RECEIVED)


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\x05abc", b"{}", b"\x0a" * 50])
@pytest.mark.parametrize("signal", ["logs", "traces", "metrics"])
def test_what_is_not_protobuf_is_invalid_input(signal, body):
    with pytest.raises(InvalidInput, match="not a protobuf"):
        decode_request(signal, "protobuf", body, RECEIVED)


def test_a_long_wrong_value_is_shortened_in_the_message():
    with pytest.raises(InvalidInput) as caught:
        from_json("logs", log_request({"flags": "x" * 10_000}))
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("value", ["9223372036854775807", 9223372036854775807])
def test_a_64_bit_integer_stays_exact_as_text_and_as_number(value):
    assert log_of({"body": {"intValue": value}})["body"] == 2**63 - 1
    assert log_of({"timeUnixNano": value})["timestamp"] == "2262-04-11T23:47:16.854775807Z"


@pytest.mark.parametrize(("text", "expected"), [("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity")])
def test_numbers_that_json_lacks_come_as_words(text, expected):
    assert log_of({"body": {"doubleValue": text}})["body"] == expected


@pytest.mark.parametrize("value", [1, "1", 1.0])
def test_a_whole_number_may_be_written_in_any_way(value):
    assert log_of({"body": {"doubleValue": value}})["body"] == 1.0


def test_null_is_the_same_as_absent():
    log = {"body": None, "attributes": None, "traceId": None, "severityNumber": None}
    assert log_of(log) == log_of({})


def test_an_id_that_is_not_hex_refuses_its_record_and_no_other():
    tree = log_request({"traceId": "not hex"})
    tree["resourceLogs"][0]["scopeLogs"][0]["logRecords"].append({"severityText": "good"})
    found = from_json("logs", tree)
    assert [record["severityText"] for record in records(found)] == ["good"]
    assert found.reason() == "1 refused: trace id that is not hex, 32 digits are needed"


def test_names_in_the_spelling_of_protobuf_are_unknown_fields():
    assert records(from_json("logs", {"resource_logs": [{"scope_logs": "whatever"}]})) == []


def nested(depth):
    value = {"stringValue": "deep"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return log_request({"body": value})


def test_nesting_is_limited_as_in_protobufs_own_decoder():
    found = from_json("logs", nested(40))
    assert str(records(found)[0]["body"]).count("[") == 40
    with pytest.raises(InvalidInput, match="nested more than 100 deep"):
        from_json("logs", nested(60))
