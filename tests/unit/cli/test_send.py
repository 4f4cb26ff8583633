import io
import sys
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from headrace.cli import send
from headrace.cli.send import encode_logs, run_send
from headrace.errors import InvalidInput, NotFound, Unavailable
from tests.otlp_records import decode_request

NOW = 1_700_000_000 * 1_000_000_000


def flat(lines, now=NOW):
    """What the receiver makes of lines."""
    flattened = decode_request("logs", "protobuf", encode_logs(lines), now)
    assert not flattened.refused
    return orjson.loads(orjson.dumps(flattened.records))


# --- lines as OTLP -------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = texts.filter(bool)
values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
moments = st.integers(1, 2**62 // 1000).map(lambda us: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us))
lines = st.fixed_dictionaries(
    {
        "resourceAttributes": st.dictionaries(names, values, max_size=2),
        "severityNumber": st.integers(1, 24),
        "severityText": texts,
        "body": values,
        "attributes": st.dictionaries(names, values, max_size=3),
        "traceId": st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex),
        "spanId": st.binary(min_size=8, max_size=8).filter(any).map(bytes.hex),
    }
)


@settings(deadline=None, max_examples=60)
@given(line=lines, moment=moments)
def test_a_flat_record_that_is_sent_comes_out_of_the_receiver_as_it_was(line, moment):
    (record,) = flat([{**line, "timestamp": moment.isoformat()}])
    assert {name: record[name] for name in line} == line
    assert datetime.fromisoformat(record["timestamp"]) == moment


@settings(deadline=None, max_examples=60)
@given(sent=st.lists(lines, max_size=4))
def test_no_line_gets_lost_or_into_another_resource(sent):
    def key(record):
        return repr([record[name] for name in ("resourceAttributes", "body", "attributes", "traceId")])

    assert sorted(map(key, flat(sent))) == sorted(map(key, sent))


def test_lines_of_one_resource_share_it_on_the_wire():
    resources = [{"service.name": "a", "host": "h"}, {"service.name": "b"}, {"host": "h", "service.name": "a"}]
    sent = [{"resourceAttributes": resource, "body": "x"} for resource in resources]
    request = ExportLogsServiceRequest.FromString(encode_logs(sent))
    assert [len(each.scope_logs[0].log_records) for each in request.resource_logs] == [2, 1]


def test_every_field_may_be_absent():
    (record,) = flat([{}])
    assert (record["body"], record["attributes"], record["resourceAttributes"]) == ("", {}, {})
    assert (record["traceId"], record["spanId"], record["severityNumber"]) == ("", "", 0)


def test_a_line_without_a_timestamp_happened_now(monkeypatch):
    monkeypatch.setattr(send.time, "time", lambda: 1_700_000_123.5)
    assert flat([{}])[0]["timestamp"] == "2023-11-14T22:15:23.5Z"


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ({"level": "error"}, (17, "error")),
        ({"level": "Warning"}, (13, "Warning")),
        ({"severityText": "CRITICAL"}, (21, "CRITICAL")),
        ({"severityText": "INFO", "level": "error"}, (9, "INFO")),
        ({"severityText": "INFO", "severityNumber": 10}, (10, "INFO")),
        ({"level": "odd"}, (0, "odd")),
        ({"level": 30}, (0, "30")),
    ],
)
def test_levels_become_severities(line, severity):
    (record,) = flat([line])
    assert (record["severityNumber"], record["severityText"]) == severity


@pytest.mark.parametrize(
    ("line", "body"),
    [({"message": "m"}, "m"), ({"body": "b", "message": "m"}, "b"), ({"msg": "m", "level": "info"}, "m")],
)
def test_a_message_is_a_body(line, body):
    assert flat([line])[0]["body"] == body


def test_what_a_logger_writes_beside_the_fields_of_a_record_becomes_attributes():
    (record,) = flat([{"event": "login", "user": {"id": 7}, "signal": "log", "attributes": {"event": "kept"}}])
    assert record["attributes"] == {"event": "kept", "user": {"id": 7}}


# --- lines of a file -----------------------------------------------------------------------------------------


def parsed(tmp_path, content):
    path = tmp_path / "logs.jsonl"
    path.write_bytes(content)
    return list(send._read_lines(path))


def test_lines_of_json_are_records_other_lines_are_bodies_and_empty_ones_nothing(tmp_path):
    content = b'{"body": "one", "level": "error"}\n\n  two words \n[1]\n   \n"x"\n'
    assert parsed(tmp_path, content) == [
        {"body": "one", "level": "error"},
        {"body": "two words"},
        {"body": "[1]"},
        {"body": '"x"'},
    ]


@pytest.mark.parametrize(
    "line",
    [
        '{"body": }',
        '{"severityNumber": "high"}',
        '{"severityNumber": 99999999999}',
        '{"traceId": "xyz"}',
        '{"traceId": 5}',
        '{"attributes": [1]}',
        '{"attributes": {"a": 99999999999999999999}}',
        '{"resourceAttributes": "x"}',
        '{"resourceAttributes": {"a": 99999999999999999999}}',
        '{"timestamp": 5}',
        '{"timestamp": "yesterday"}',
        '{"timestamp": "0001-01-01T00:00:00"}',
        '{"timestamp": "9999-12-31T23:59:59Z"}',
        '{"body": "\\ud800"}',
        '{"attributes": ' + '{"a": ' * 5000 + "1" + "}" * 5001,
    ],
)
def test_a_line_that_is_no_record_is_refused_with_its_number(tmp_path, line):
    with pytest.raises(InvalidInput, match=r"line 2 is no log record: ."):
        parsed(tmp_path, f"fine\n{line}\n".encode())


def test_bytes_that_are_no_text_are_replaced_and_not_the_end_of_everything(tmp_path):
    assert parsed(tmp_path, b"caf\xe9\nnext\n") == [{"body": "caf\ufffd"}, {"body": "next"}]


def test_a_file_that_cannot_be_read_is_refused_with_its_name(tmp_path):
    with pytest.raises(InvalidInput, match=r"nothing\.jsonl cannot be read: No such file"):
        list(send._read_lines(tmp_path / "nothing.jsonl"))
    with pytest.raises(InvalidInput, match="cannot be read: Is a directory"):
        list(send._read_lines(tmp_path))


# --- sending -------------------------------------------------------------------------------------------------

TAKEN = ("POST", "/v1/logs", 200, b"")


def records_of(request):
    method, path, headers, body = request
    assert (method, path) == ("POST", "/v1/logs")
    assert (headers["content-type"], headers["x-api-key"]) == ("application/x-protobuf", "hr_key")
    return orjson.loads(orjson.dumps(decode_request("logs", "protobuf", body, NOW).records))


def test_made_up_logs_are_sent_in_requests_of_at_most_512(site, capsys):
    receiver = site(TAKEN)
    run_send(None, 1000, 0, receiver.url, "hr_key")
    assert [len(records_of(request)) for request in receiver.asked] == [512, 488]
    records = [record for request in receiver.asked for record in records_of(request)]
    assert sorted(record["attributes"]["index"] for record in records) == list(range(1000))
    assert all(record["attributes"]["made.up"] is True for record in records)
    assert capsys.readouterr().out == f"sent 1000 logs to {receiver.url}\n"


def test_standard_input_is_a_file_called_dash(site, monkeypatch, tmp_path):
    receiver = site(TAKEN)
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"body": "one"}\ntwo\n'))
    run_send(send.Path("-"), 1, 0, receiver.url, "hr_key")
    assert [record["body"] for record in records_of(receiver.asked[0])] == ["one", "two"]


def test_a_rate_sends_small_requests_and_waits_between_them(site, monkeypatch):
    pauses = []

    class Time:
        now = 100.0

        @classmethod
        def monotonic(cls):
            return cls.now

        @classmethod
        def sleep(cls, seconds):
            pauses.append(round(seconds, 6))
            cls.now += seconds

        @staticmethod
        def time():
            return 1_700_000_000.0

    receiver = site(TAKEN)
    monkeypatch.setattr(send, "time", Time)
    run_send(None, 100, 250, receiver.url, "hr_key")
    assert [len(records_of(request)) for request in receiver.asked] == [25] * 4
    assert pauses == [0.1] * 4


def test_a_base_url_may_have_a_path_and_end_in_a_slash(site):
    receiver = site(("POST", "/behind/a/proxy/v1/logs", 200, b""))
    run_send(None, 1, 0, f"{receiver.url}/behind/a/proxy/", "hr_key")
    assert len(receiver.asked) == 1


def test_refused_records_are_counted_over_all_requests(site, capsys):
    answer = ExportLogsServiceResponse()
    answer.partial_success.rejected_log_records = 3
    receiver = site(("POST", "/v1/logs", 200, answer.SerializeToString()))
    run_send(None, 600, 0, receiver.url, "hr_key")
    assert "sent 600 logs" in (said := capsys.readouterr().out)
    assert "6 of them refused" in said


def test_an_answer_other_than_200_is_shown(site):
    receiver = site(("POST", "/v1/logs", 401, b"this API key is not known"))
    with pytest.raises(Unavailable, match=r"/v1/logs answered 401: .*not known"):
        run_send(None, 1, 0, receiver.url, "hr_key")


def test_the_words_of_a_status_are_shown_and_not_its_bytes(site):
    status = Status(code=16, message="this API key is not known\x1b[2J").SerializeToString()
    receiver = site(("POST", "/v1/logs", 401, status), content_type="application/x-protobuf")
    with pytest.raises(Unavailable, match=r"answered 401: this API key is not known\\x1b\[2J$"):
        run_send(None, 1, 0, receiver.url, "hr_key")


def test_nobody_at_the_address_is_said_with_what_to_run():
    with pytest.raises(Unavailable, match="gave no answer; is `headrace up` running"):
        run_send(None, 1, 0, "http://127.0.0.1:1", "hr_key")


def test_without_options_and_without_credentials_it_says_what_to_run(data_dir):
    with pytest.raises(NotFound, match="headrace up"):
        run_send(None, 1, 0, None, None)
