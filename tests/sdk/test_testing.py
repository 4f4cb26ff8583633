"""The receiver and the caller that agents' authors test with behave as Headrace does."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import requests
from fastapi import FastAPI
from standardwebhooks import Webhook

from headrace_sdk import (
    AsyncHeadrace,
    AuthenticationError,
    ConfigurationError,
    Headrace,
    InvalidPayloadError,
    UnavailableError,
    verify_request,
)
from headrace_sdk.asgi import Batch, agent
from headrace_sdk.testing import FakeReceiver, Output, agent_request, call_agent, run_agent
from tests.sdk.conftest import KEY
from tests.sdk.loopback import PATIENCE_SECONDS, reply

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
OTHER = "whsec_bm90IHRoZSBzYW1lIHNlY3JldCBhdCBhbGw="


@pytest.fixture
def fake():
    with FakeReceiver(KEY) as receiver:
        yield receiver


@pytest.fixture
def client(fake):
    with Headrace(KEY, fake.url) as client:
        yield client


def test_outputs_are_kept_in_order_with_what_came_along(fake, client):
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    receipt = client.send_output({"a": 1}, "batch-1", traceparent=traceparent)
    client.send_output([2], "batch-2")
    assert receipt.status == "accepted"
    assert fake.outputs == [Output({"a": 1}, "batch-1", traceparent), Output([2], "batch-2", None)]
    assert fake.statuses == [202, 202]


def test_a_client_made_from_its_environment_reaches_it(fake, monkeypatch):
    for name, value in fake.environment.items():
        monkeypatch.setenv(name, value)
    with Headrace() as client:
        client.send_output({})
    assert len(fake.outputs) == 1


def test_a_wrong_key_is_refused_with_401_and_nothing_is_kept(fake):
    with Headrace("another key", fake.url) as client, pytest.raises(AuthenticationError, match="not the receiver's"):
        client.send_output({})
    assert (fake.outputs, fake.statuses) == ([], [401])


def test_it_fails_as_it_is_told_and_then_recovers(fake, client, naps):
    fake.fail(503, 429, retry_after=timedelta(seconds=7))
    client.send_output({"a": 1})
    assert fake.statuses == [503, 429, 202]
    assert naps == [7, 7]
    assert len(fake.outputs) == 1


@pytest.mark.parametrize("status", [400, 413, 599])
def test_any_status_can_be_asked_for(fake, client, status):
    fake.fail(*[status] * 5)
    with pytest.raises((InvalidPayloadError, UnavailableError), match="the test wants it so"):
        client.send_output({})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/elsewhere", b"{}", 404),
        ("/internal/agent-output", b"{", 400),
        ("/internal/agent-output", b"\xff", 400),
        ("/internal/agent-output", b"[" * 100_000, 400),
        ("/internal/agent-output", b" " * 262_145, 413),
        ("/internal/agent-output", b"null", 202),
    ],
)
def test_bodies_that_the_real_receiver_refuses_are_refused(fake, path, body, status):
    answer = requests.post(fake.url + path, body, headers={"X-API-Key": KEY}, timeout=PATIENCE_SECONDS)
    assert answer.status_code == status
    assert answer.json()["status"] == ("accepted" if status == 202 else status)


def test_outputs_are_posted_and_not_got(fake):
    answer = requests.get(f"{fake.url}/internal/agent-output", timeout=PATIENCE_SECONDS)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_waiting_in_vain_says_what_came_instead(fake, client):
    client.send_output({})
    with pytest.raises(AssertionError, match=r"1 outputs after 0\.01 s, 2 expected; answered \[202\]"):
        fake.wait_for_outputs(2, within=0.01)


def test_once_closed_it_is_down_even_for_connections_that_were_kept(fake, client):
    client.send_output({})
    fake.close()
    fake.close()
    with pytest.raises(UnavailableError):
        client.send_output({})


def test_a_batch_is_posted_with_the_headers_of_the_contract(receiver):
    receiver.will(reply(202))
    answer = call_agent(f"{receiver.url}/process", [{"body": "ü"}], project_id="project-1", request_id="batch-7")
    assert answer.status_code == 202
    (request,) = receiver.requests
    assert request.json == [{"body": "ü"}]
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Project-ID"] == "project-1"
    assert request.headers["X-Request-ID"] == "batch-7"
    assert len(request.headers["traceparent"]) == 55
    assert "webhook-signature" not in request.headers


def test_a_redirecting_agent_is_not_followed(receiver):
    receiver.will(reply(307, b"", Location=f"{receiver.url}/elsewhere"))
    assert call_agent(f"{receiver.url}/process", []).status_code == 307
    assert len(receiver.requests) == 1


def test_a_batch_that_is_repeated_keeps_its_id_and_trace():
    first, again = (agent_request([{}], secrets=SECRET, request_id="batch.7") for _ in range(2))
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    (_, trace, span, _), (_, trace_again, span_again, _) = (
        request.headers["traceparent"].split("-") for request in (first, again)
    )
    assert (trace, span != span_again) == (trace_again, True)
    assert agent_request([{}]).headers["X-Request-ID"] != agent_request([{}]).headers["X-Request-ID"]


def test_the_reference_library_and_this_one_verify_what_is_signed():
    request = agent_request([{"body": "ü"}], secrets=SECRET)
    assert Webhook(SECRET).verify(request.body, request.headers) == [{"body": "ü"}]
    assert abs(verify_request(request.body, request.headers, SECRET).timestamp - datetime.now(UTC)) < timedelta(
        minutes=1
    )


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_with_two_secrets_either_verifies(secret):
    request = agent_request([{}], secrets=[SECRET, OTHER])
    assert Webhook(secret).verify(request.body, request.headers) == [{}]


def test_a_secret_that_cannot_sign_is_refused():
    with pytest.raises(ConfigurationError, match="secret"):
        agent_request([{}], secrets="whsec_")


def test_whole_numbers_of_64_bits_keep_every_digit():
    assert json.loads(agent_request([{"n": 2**63}, {}]).body) == [{"n": 9223372036854775808}, {}]


def test_an_asgi_agent_runs_without_a_server_and_has_sent_its_result(fake):
    @agent(client=AsyncHeadrace(KEY, fake.url), secrets=SECRET)
    def count(batch: Batch):
        return {"count": len(batch.records)}

    answer = run_agent(count, [{}, {}], secrets=SECRET, request_id="batch-7")
    assert (answer.status_code, answer.json()["id"]) == (202, "batch-7")
    assert answer.headers["content-type"] == "application/json"
    assert [(output.payload, output.request_id) for output in fake.outputs] == [({"count": 2}, "batch-7")]
    assert run_agent(count, [{}]).status_code == 401


def test_an_asgi_agent_that_cannot_start_says_why():
    with pytest.raises(RuntimeError, match="did not start: no API key"):
        run_agent(agent()(print), [])


def test_a_fastapi_application_runs_without_a_server():
    app = FastAPI()

    @app.post("/triage")
    def triage(records: list[dict]):
        return {"count": len(records)}

    assert run_agent(app, [{}, {}], path="/triage").json() == {"count": 2}


def test_an_application_without_a_lifespan_runs_and_its_exceptions_come_through():
    async def app(scope, receive, send):
        assert scope["type"] == "http", "no lifespan"
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        run_agent(app, [])
