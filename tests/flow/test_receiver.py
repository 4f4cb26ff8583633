"""The receiver's answers over real HTTP, row by row of the contract's section 1."""

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import requests
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from tests.fakes.http import HttpStandIn, listening
from tests.flow.deployment import LONGEST_SECONDS, Deployment
from tests.flow.logs import errors, log_record, logs_of, marks
from tests.flow.process import Runtime

PROTOBUF, JSON = "application/x-protobuf", "application/json"
MIB = 1024 * 1024
GZIP = {"Content-Encoding": "gzip"}
UNKNOWN_KEY = "hr_" + "0" * 32 + "0pKmQb"


class Receiver:
    """A runtime that all tests of this module share, and the agent behind it."""

    def __init__(self, deployment: Deployment, runtime: Runtime, agent: HttpStandIn) -> None:
        self.deployment, self.runtime, self.agent = deployment, runtime, agent

    def post(self, body: bytes, path: str = "/v1/logs", **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.deployment.post(self.runtime, path, body, named)

    def delivers(self, mark: str) -> bool:
        """Whether the record with this mark reaches the agent."""
        return self.agent.wait_until(lambda: mark in marks(self.agent.records))


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with listening() as agent:
        deployment = Deployment(tmp_path_factory.mktemp("receiver"))
        deployment.pipeline(agent.url)
        try:
            yield Receiver(deployment, deployment.start(), agent)
        finally:
            deployment.close()


def protobuf(mark: str) -> bytes:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value = mark
    return request.SerializeToString()


def status_of(answer: requests.Response) -> tuple[int, str]:
    """Code and message of the google.rpc.Status that an answer must hold."""
    if answer.headers["Content-Type"] == PROTOBUF:
        status = Status.FromString(answer.content)
        return status.code, status.message
    assert answer.headers["Content-Type"] == JSON
    return answer.json()["code"], answer.json()["message"]


# --- what is taken -------------------------------------------------------------------------------------------


def test_json_log_records_arrive_as_flat_records(receiver: Receiver) -> None:
    exact = {"key": "exact", "value": {"intValue": "9007199254740993"}}
    record = log_record(
        "by json",
        traceId="5B8EFFF798038103D269B633813FC60C",
        spanId="eee19b7ec3c1b174",
        attributes=[exact, {"key": "list", "value": {"arrayValue": {"values": [{"boolValue": True}, {}]}}}],
        aFieldOfTomorrow={"a": 1},
    )
    answer = receiver.post(logs_of(record), Content_Type="application/json; charset=utf-8")
    assert (answer.status_code, answer.headers["Content-Type"], answer.json()) == (200, JSON, {})
    assert receiver.delivers("by json")
    (flat,) = [each for each in receiver.agent.records if each["body"] == "by json"]
    assert flat == {
        "resourceAttributes": {"service.name": "payment-service"},
        "scope": {"name": "by-hand"},
        "severityNumber": 17,
        "severityText": "ERROR",
        "body": "by json",
        "attributes": {"exact": 9007199254740993, "list": [True, None]},
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "timestamp": "2024-01-15T10:30:00Z",
    }


def test_protobuf_is_answered_in_protobuf_without_partial_success(receiver: Receiver) -> None:
    answer = receiver.post(protobuf("plain protobuf"), Content_Type=PROTOBUF)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, PROTOBUF)
    assert not ExportLogsServiceResponse.FromString(answer.content).HasField("partial_success")
    assert receiver.delivers("plain protobuf")


@pytest.mark.parametrize("headers", [GZIP, {}], ids=["with header", "without header"])
def test_gzip_is_unpacked(receiver: Receiver, headers: dict[str, str]) -> None:
    mark = f"gzip {len(headers)}"
    assert receiver.post(gzip.compress(errors(mark)), **headers).status_code == 200
    assert receiver.delivers(mark)


def test_a_gzip_header_over_plain_bytes_does_no_harm(receiver: Receiver) -> None:
    assert receiver.post(errors("unpacked by a gateway"), **GZIP).status_code == 200
    assert receiver.delivers("unpacked by a gateway")


def test_a_bearer_token_is_taken_as_the_key(receiver: Receiver) -> None:
    headers = {"Content-Type": JSON, "Authorization": f"Bearer {receiver.deployment.key}"}
    url = f"{receiver.runtime.url}/v1/logs"
    assert requests.post(url, data=errors("bearer"), headers=headers, timeout=LONGEST_SECONDS).status_code == 200
    assert receiver.delivers("bearer")


@pytest.mark.parametrize("signal", ["logs", "traces", "metrics"])
def test_an_empty_request_is_fine_in_both_encodings(receiver: Receiver, signal: str) -> None:
    in_json = receiver.post(b"{}", f"/v1/{signal}")
    assert (in_json.status_code, in_json.json()) == (200, {})
    in_protobuf = receiver.post(b"", f"/v1/{signal}", Content_Type=PROTOBUF)
    assert (in_protobuf.status_code, in_protobuf.content) == (200, b"")
    assert in_protobuf.headers["Content-Type"] == PROTOBUF


def test_a_record_with_an_id_of_wrong_length_is_refused_alone(receiver: Receiver) -> None:
    bad = log_record("bad id", traceId="5b8e")
    answer = receiver.post(logs_of(bad, log_record("good id")))
    partial = answer.json()["partialSuccess"]
    assert (answer.status_code, partial["rejectedLogRecords"]) == (200, "1")
    assert "trace id" in partial["errorMessage"]
    assert receiver.delivers("good id")
    assert "bad id" not in marks(receiver.agent.records)


def test_partial_success_is_told_in_protobuf_too(receiver: Receiver) -> None:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add().span_id = b"short"
    answer = receiver.post(request.SerializeToString(), Content_Type=PROTOBUF)
    partial = ExportLogsServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_log_records) == (200, 1)
    assert "span id" in partial.error_message


def test_a_record_over_the_size_limit_is_refused_alone(receiver: Receiver) -> None:
    answer = receiver.post(logs_of(log_record("x" * MIB), log_record("small neighbour")))
    assert (answer.status_code, answer.json()["partialSuccess"]["rejectedLogRecords"]) == (200, "1")
    assert receiver.delivers("small neighbour")


# --- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", JSON),
        (b"[]", JSON),
        (b'{"resourceLogs": 7}', JSON),
        (b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityNumber": "high"}]}]}]}', JSON),
        (b"\xff\xff\xff", PROTOBUF),
        (gzip.compress(errors("cut") * 9, mtime=0)[:-9], JSON),
        (gzip.compress(protobuf("cut"), mtime=0)[:-9], PROTOBUF),
    ],
    ids=["no json", "an array", "wrong type", "enum by name", "no protobuf", "cut gzip", "cut gzip of protobuf"],
)
def test_what_cannot_be_decoded_is_400(receiver: Receiver, body: bytes, content_type: str) -> None:
    answer = receiver.post(body, Content_Type=content_type)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, content_type)
    code, message = status_of(answer)
    assert code == 3
    assert message


@pytest.mark.parametrize("key", ["", UNKNOWN_KEY, "hr_short", "nothing like a key", "hr_" + "\u00e9" * 38])
@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
def test_without_a_known_key_it_is_401(receiver: Receiver, key: str, content_type: str) -> None:
    answer = receiver.post(b"", Content_Type=content_type, X_API_Key=key.encode("latin-1"))
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, content_type)
    assert status_of(answer)[0] == 16


@pytest.mark.parametrize(
    "headers",
    [{"Content-Type": "text/plain"}, {"Content-Type": ""}, {"Content-Encoding": "deflate"}],
    ids=["text", "none", "deflate"],
)
def test_unknown_types_and_encodings_are_415_with_a_status_in_json(receiver: Receiver, headers: dict[str, str]) -> None:
    answer = receiver.post(errors("unknown type"), **headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (415, JSON)
    assert status_of(answer)[1]


@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
def test_a_body_over_six_mebibytes_is_413(receiver: Receiver, content_type: str) -> None:
    answer = receiver.post(bytes(7 * MIB), Content_Type=content_type)
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, content_type)
    assert str(6 * MIB) in status_of(answer)[1]


def test_a_gzip_bomb_is_refused_with_413_and_costs_no_memory(receiver: Receiver) -> None:
    bomb = gzip.compress(bytes(256 * MIB))
    receiver.post(errors("warm"))
    before = receiver.runtime.peak_memory_bytes
    answer = receiver.post(bomb, **GZIP)
    assert answer.status_code == 413
    assert str(32 * MIB) in status_of(answer)[1]
    assert receiver.runtime.peak_memory_bytes - before < 64 * MIB


def test_a_bomb_of_many_empty_gzip_members_does_not_stop_the_clock(receiver: Receiver) -> None:
    answer = receiver.post(gzip.compress(b"") * (6 * MIB // 20), Content_Type=PROTOBUF, **GZIP)
    assert answer.status_code in (200, 400)


def test_a_head_that_does_not_end_is_refused_before_it_fills_memory(receiver: Receiver) -> None:
    before = receiver.runtime.peak_memory_bytes
    url = urlsplit(receiver.runtime.url)
    with socket.create_connection((url.hostname, url.port), LONGEST_SECONDS) as connection:
        connection.sendall(b"POST /v1/logs HTTP/1.1\r\nHost: headrace\r\n")
        with suppress(ConnectionError):
            for _ in range(1024):
                connection.sendall(b"X-More: %b\r\n" % (b"x" * 64 * 1024))
        assert connection.recv(12) == b"HTTP/1.1 400"
    assert '"event": "Invalid HTTP request received."' in receiver.deployment.log.read_text()
    assert receiver.runtime.peak_memory_bytes - before < 16 * MIB


@pytest.mark.parametrize("path", ["/v1/log", "/v1/logs/", "/"])
def test_an_unknown_path_is_404(receiver: Receiver, path: str) -> None:
    answer = receiver.post(b"{}", path)
    assert answer.status_code == 404
    assert json.loads(answer.content)


def test_a_wrong_method_is_405_and_says_which_is_right(receiver: Receiver) -> None:
    answer = requests.get(f"{receiver.runtime.url}/v1/logs", timeout=LONGEST_SECONDS)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert status_of(answer)[0] == 12


def test_health_is_told_without_a_key(receiver: Receiver) -> None:
    answer = requests.get(f"{receiver.runtime.url}/health", timeout=LONGEST_SECONDS)
    assert answer.status_code == 200
    assert answer.json().items() >= {"status": "healthy", "store": "connected", "bus": "connected"}.items()
