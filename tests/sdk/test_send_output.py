"""What arrives when all goes well, and what the client does with the connection."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError

import pytest
import requests
from requests.adapters import HTTPAdapter

from headrace_sdk import ConfigurationError, Headrace, OutputReceipt
from tests.sdk.conftest import KEY
from tests.sdk.loopback import hang_up, reply

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_the_payload_arrives_as_json_at_the_path_of_the_contract(headrace, receiver):
    headrace.send_output({"summary": "Läuft", "count": 3}, request_id="batch-7")
    (request,) = receiver.requests
    assert request.path == "/internal/agent-output"
    assert request.json == {"summary": "Läuft", "count": 3}
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-API-Key"] == KEY
    assert request.headers["X-Request-ID"] == "batch-7"


def test_the_receipt_says_what_the_server_said_and_stays_so(headrace):
    receipt = headrace.send_output({})
    assert receipt == OutputReceipt(id="message-1", status="accepted")
    with pytest.raises(FrozenInstanceError):
        receipt.id = "another"


def test_any_2xx_with_a_receipt_is_success_and_more_fields_are_no_harm(headrace, receiver):
    receiver.will(reply(200, {"status": "queued", "id": "7", "later": [1]}))
    assert headrace.send_output([]) == OutputReceipt(id="7", status="queued")


@pytest.mark.parametrize("payload", [None, True, 0, -1.5, "text", [], [1, {"a": None}], {}, (1, 2)])
def test_every_json_value_is_a_payload(headrace, receiver, payload):
    headrace.send_output(payload)
    assert receiver.requests[0].json == (list(payload) if isinstance(payload, tuple) else payload)


def test_an_endpoint_with_a_path_and_a_slash_keeps_the_path(connect, receiver):
    connect(endpoint=f"{receiver.url}/Prod/").send_output({})
    assert receiver.requests[0].path == "/Prod/internal/agent-output"


@pytest.mark.parametrize("request_id", [None, ""])
def test_without_a_request_id_one_is_made_up_for_each_call(headrace, receiver, request_id):
    headrace.send_output({}, request_id)
    headrace.send_output({}, request_id)
    first, second = (request.headers["X-Request-ID"] for request in receiver.requests)
    assert len(first) == len(second) == 36
    assert first != second


def test_the_traceparent_is_passed_on_when_there_is_one(headrace, receiver):
    headrace.send_output({}, traceparent=TRACEPARENT)
    headrace.send_output({}, traceparent="")
    first, second = receiver.requests
    assert first.headers["traceparent"] == TRACEPARENT
    assert "traceparent" not in second.headers


def test_calls_share_one_connection(headrace, receiver):
    for _ in range(5):
        headrace.send_output({})
    assert len({request.connection for request in receiver.requests}) == 1


def test_forty_threads_share_one_client_and_nothing_gets_mixed_up(headrace, receiver):
    def send(number):
        return headrace.send_output({"number": number}, request_id=f"id-{number}")

    with ThreadPoolExecutor(40) as pool:
        receipts = list(pool.map(send, range(200)))
    assert len(receipts) == 200
    assert sorted(request.json["number"] for request in receiver.requests) == list(range(200))
    assert all(request.headers["X-Request-ID"] == f"id-{request.json['number']}" for request in receiver.requests)


def test_a_netrc_entry_for_the_host_adds_no_authorization(headrace, receiver, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something")
    monkeypatch.setenv("NETRC", str(netrc))
    headrace.send_output({})
    assert "Authorization" not in receiver.requests[0].headers


def test_a_cookie_that_the_server_sets_is_not_sent_back(headrace, receiver):
    receiver.will(reply(Set_Cookie="sticky=1; Path=/"))
    headrace.send_output({})
    headrace.send_output({})
    assert "Cookie" not in receiver.requests[1].headers


def test_a_closed_client_says_so_and_may_be_closed_again(connect, receiver):
    with connect() as client:
        client.send_output({})
    client.close()
    with pytest.raises(ConfigurationError, match="closed"):
        client.send_output({})


def test_a_lent_session_gives_its_headers_gets_retries_and_stays_open(connect, receiver):
    receiver.will(hang_up, reply())
    with requests.Session() as session:
        session.headers["X-Team"] = "payments"
        with connect(session=session) as client:
            client.send_output({})
        assert receiver.requests[-1].headers["X-Team"] == "payments"
        assert session.post(receiver.url, data=b"", timeout=5).status_code == 202
        assert session.get_adapter("http://elsewhere").max_retries.total == 0


def test_an_adapter_that_the_caller_has_put_into_the_session_is_used(receiver):
    class Counting(HTTPAdapter):
        sent = 0

        def send(self, request, **settings):
            self.sent += 1
            return super().send(request, **settings)

    adapter = Counting()
    with requests.Session() as session:
        session.mount(receiver.url, adapter)
        Headrace(KEY, receiver.url, session=session).send_output({})
    assert adapter.sent == 1
