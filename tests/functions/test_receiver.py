"""Contract section 1, row by row, through the door."""

import gzip

import orjson
import pytest
from google.protobuf.json_format import ParseDict
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from functions.receiver.handler import handler
from headrace import __version__, bootstrap
from headrace.errors import Unavailable
from headrace.teams.domain.keys import hash_key
from headrace.teams.wire.items import KEY, key_pk
from tests.functions.conftest import UNKNOWN_KEY, new_project
from tests.functions.events import Context, answer_body, answer_json, content_type, http_event
from tests.functions.otlp import JSON, METRICS, PROTOBUF, TRACES, as_json, as_protobuf, logs

TWO = logs("one", "two", severityNumber=17)
BOMB = gzip.compress(bytes(33 * 1024 * 1024), mtime=0)


def post(body, headers, key=None, path="/v1/logs"):
    keyed = {"X-API-Key": key} if key else {}
    return handler(http_event("POST", path, {**headers, **keyed}, body), Context())


def bodies(project, kind="raw"):
    return [record["body"] for record in project.records(kind)]


def status_of(answer):
    """The status in the body of a refusal, which is a google.rpc.Status in the encoding that it names."""
    if content_type(answer) == "application/x-protobuf":
        assert answer["isBase64Encoded"]
        return Status.FromString(answer_body(answer))
    return ParseDict(answer_json(answer), Status())


# --- what is taken -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pack",
    [
        lambda body: body,
        gzip.compress,
        lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:]),
    ],
)
@pytest.mark.parametrize(("headers", "encode"), [(JSON, as_json), (PROTOBUF, as_protobuf)])
@pytest.mark.parametrize("encoding", [{}, {"Content-Encoding": "gzip"}, {"content-encoding": "GZIP"}])
def test_both_encodings_are_stored_packed_or_not_whatever_the_gateway_did_to_the_header(
    project, pack, headers, encode, encoding
):
    answer = post(pack(encode(TWO)), {**headers, **encoding}, project.key)
    assert answer["statusCode"] == 200
    first, second = project.records()
    assert (first["body"], second["body"]) == ("one", "two")
    assert first["resourceAttributes"] == {"service.name": "shop"}
    assert (first["severityNumber"], first["timestamp"]) == (17, "2024-01-15T10:30:00Z")


def test_the_answer_is_an_empty_export_response_in_the_encoding_of_the_request(project):
    plain, packed = post(as_json(TWO), JSON, project.key), post(as_protobuf(TWO), PROTOBUF, project.key)
    assert (content_type(plain), answer_body(plain)) == ("application/json", b"{}")
    assert (content_type(packed), packed["isBase64Encoded"]) == ("application/x-protobuf", True)
    assert not ExportLogsServiceResponse.FromString(answer_body(packed)).HasField("partial_success")


@pytest.mark.parametrize("header", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_parameters_and_case_of_the_content_type_do_not_matter(project, header):
    assert post(as_json(TWO), {"content-type": header}, project.key)["statusCode"] == 200
    assert bodies(project) == ["one", "two"]


def test_a_bearer_token_is_a_key_too(project):
    answer = post(as_json(TWO), {**JSON, "Authorization": f"Bearer {project.key}"})
    assert answer["statusCode"] == 200
    assert bodies(project) == ["one", "two"]


def test_stored_messages_carry_what_the_contract_says(project):
    post(as_json(TWO), JSON, project.key)
    (message,) = project.take("raw")
    assert message.attributes.pop("received_unix_nano").isdecimal()
    assert message.attributes == {
        "project_id": project.id,
        "signal": "logs",
        "content_type": "application/x-protobuf",
        "content_encoding": "gzip",
        "schema_version": "2",
        "records": "2",
    }
    assert project.counts == {"accepted": 2}


@pytest.mark.parametrize(("headers", "body"), [(JSON, b"{}"), (PROTOBUF, b""), (JSON, as_json(logs()))])
def test_an_empty_request_is_200_and_stores_nothing(project, headers, body):
    assert post(body, headers, project.key)["statusCode"] == 200
    assert project.take("raw") == []
    assert project.counts == {}


def test_unknown_fields_are_ignored_at_every_level(project):
    request = logs("one", tomorrow={"x": [1]})
    request["future"] = request["resourceLogs"][0]["more"] = {"y": 1}
    assert post(as_json(request), JSON, project.key)["statusCode"] == 200
    assert bodies(project) == ["one"]


def test_metrics_go_to_the_raw_queue_and_spans_to_their_own(project):
    assert post(as_json(METRICS), JSON, project.key, "/v1/metrics")["statusCode"] == 200
    assert post(as_json(TRACES), JSON, project.key, "/v1/traces")["statusCode"] == 200
    (point,), (span,) = project.records("raw"), project.records("spans")
    assert (point["signal"], span["signal"]) == ("metric", "span")


def test_spans_go_to_the_agent_too_when_the_pipeline_asks_for_them(project):
    project.pipeline(signals=("logs", "traces"))
    post(as_json(TRACES), JSON, project.key, "/v1/traces")
    assert project.records("raw") == project.records("spans") != []


def test_a_key_reaches_its_own_project_only(project, embedded):
    other = new_project()
    post(as_json(TWO), JSON, other.key)
    assert (bodies(project), bodies(other)) == ([], ["one", "two"])


# --- what is refused in part ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [{"traceId": "abcd"}, {"traceId": "0" * 30 + "ab", "spanId": "ab"}])
def test_a_record_with_an_id_of_a_wrong_length_is_refused_alone(project, ids):
    request = logs("fine")
    records = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    records.append({**records[0], "body": {"stringValue": "odd"}, **ids})
    answer = post(as_json(request), JSON, project.key)
    assert answer["statusCode"] == 200
    partial = answer_json(answer)["partialSuccess"]
    assert int(partial["rejectedLogRecords"]) == 1
    assert partial["errorMessage"]
    assert bodies(project) == ["fine"]


def test_a_record_over_the_limit_is_refused_alone_and_the_limit_is_named(project, embedded):
    embedded(max_record_bytes=500)
    answer = post(as_protobuf(logs("fine", "x" * 500)), PROTOBUF, project.key)
    assert answer["statusCode"] == 200
    partial = ExportLogsServiceResponse.FromString(answer_body(answer)).partial_success
    assert partial.rejected_log_records == 1
    assert "500 bytes" in partial.error_message
    assert bodies(project) == ["fine"]
    assert project.counts == {"accepted": 1}


# --- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b""),
        (JSON, b"{"),
        (JSON, b"[]"),
        (JSON, b"\xff"),
        (JSON, b'{"resourceLogs": 5}'),
        (PROTOBUF, b"\xff\xff"),
        (PROTOBUF, as_protobuf(TWO)[:-3]),
        (JSON, gzip.compress(as_json(TWO), mtime=0)[:-4]),
        (PROTOBUF, gzip.compress(as_protobuf(TWO), mtime=0)[:20]),
        (JSON, b"\x1f\x8b" + b"x" * 50),
    ],
)
def test_a_body_that_cannot_be_decoded_is_400(project, headers, body):
    answer = post(body, headers, project.key)
    assert answer["statusCode"] == 400
    assert content_type(answer) == headers["Content-Type"]
    assert (status_of(answer).code, bool(status_of(answer).message)) == (3, True)
    assert project.take("raw") == []


@pytest.mark.parametrize("key", [None, "", "guess", "hr_" + "a" * 38, UNKNOWN_KEY, "hr_ü"])
@pytest.mark.parametrize("headers", [JSON, PROTOBUF, {"Content-Type": "text/plain"}])
def test_no_key_or_an_unknown_one_is_401(project, headers, key):
    answer = post(as_json(TWO), headers, key)
    assert answer["statusCode"] == 401
    assert status_of(answer).code == 16
    assert project.take("raw") == []


def test_a_revoked_key_is_401_once_it_is_forgotten(project, embedded):
    embedded(key_cache_seconds=0.0)
    assert post(as_json(TWO), JSON, project.key)["statusCode"] == 200
    bootstrap.table("config").delete(key_pk(hash_key(project.key)), KEY)
    assert post(as_json(TWO), JSON, project.key)["statusCode"] == 401


def test_a_body_is_not_unpacked_for_somebody_without_a_key(project, embedded):
    embedded(max_body_bytes=10)
    assert post(b"x" * 100, {**JSON, "Content-Encoding": "br"})["statusCode"] == 401


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/xml"}])
def test_an_unknown_content_type_is_415_as_json(project, headers):
    answer = post(as_json(TWO), headers, project.key)
    assert (answer["statusCode"], content_type(answer)) == (415, "application/json")
    assert "application/x-protobuf" in status_of(answer).message


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, br"])
def test_an_unknown_content_encoding_is_415(project, encoding):
    answer = post(as_protobuf(TWO), {**PROTOBUF, "Content-Encoding": encoding}, project.key)
    assert (answer["statusCode"], content_type(answer)) == (415, "application/x-protobuf")
    assert encoding in status_of(answer).message


def test_a_body_over_the_limit_as_sent_is_413_and_the_limit_is_named(project, embedded):
    embedded(max_body_bytes=1000)
    fits = as_json(TWO).ljust(1000)
    assert post(fits, JSON, project.key)["statusCode"] == 200
    answer = post(fits + b" ", JSON, project.key)
    assert (answer["statusCode"], status_of(answer).code) == (413, 8)
    assert "1000 bytes" in status_of(answer).message


def test_a_body_over_the_limit_unpacked_is_413(project):
    answer = post(BOMB, {**JSON, "Content-Encoding": "gzip"}, project.key)
    assert answer["statusCode"] == 413
    assert f"{32 * 1024 * 1024} bytes" in status_of(answer).message
    assert project.take("raw") == []


@pytest.mark.parametrize("engine", ["bus", "store"])
@pytest.mark.parametrize(("headers", "encode"), [(JSON, as_json), (PROTOBUF, as_protobuf)])
def test_an_engine_that_is_down_is_503_with_retry_after(project, broken, engine, headers, encode):
    broken(engine)
    answer = post(encode(TWO), headers, project.key)
    assert answer["statusCode"] == 503
    assert int(answer["headers"]["Retry-After"]) >= 1
    assert (content_type(answer), status_of(answer).code) == (headers["Content-Type"], 14)


def test_counters_that_cannot_be_written_cost_no_record(project, monkeypatch):
    def down(change):
        raise Unavailable("down")

    monkeypatch.setattr(bootstrap.table("telemetry"), "update", down)
    assert post(as_json(TWO), JSON, project.key)["statusCode"] == 200
    assert bodies(project) == ["one", "two"]


# --- health --------------------------------------------------------------------------------------------------


def health():
    answer = handler(http_event("GET", "/health"), Context())
    return answer["statusCode"], orjson.loads(answer_body(answer))


def test_health_is_200_when_both_engines_answer(project):
    whole = {"status": "healthy", "store": "connected", "bus": "connected", "version": __version__}
    assert health() == (200, whole)


@pytest.mark.parametrize(("engine", "other"), [("bus", "store"), ("store", "bus")])
def test_health_is_503_and_says_which_engine_is_down(project, broken, engine, other):
    broken(engine)
    status, body = health()
    assert (status, body["status"], body[other]) == (503, "unhealthy", "connected")
    assert body[engine].startswith("unavailable: ")
