"""An agent that is one decorated function, in a real server, called as Headrace calls it."""

import asyncio
import threading

import pytest
import requests
from fastapi import FastAPI
from opentelemetry import trace

from headrace_sdk import AsyncHeadrace, ConfigurationError, Headrace
from headrace_sdk.asgi import Agent, Batch, agent
from headrace_sdk.testing import agent_request, call_agent
from tests.sdk.loopback import PATIENCE_SECONDS
from tests.sdk.serving import serving

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
OTHER = "whsec_bm90IHRoZSBzYW1lIHNlY3JldCBhdCBhbGw="
RECORDS = [{"body": "Connection refused"}, {"body": "Timeout"}]

pytestmark = pytest.mark.usefixtures("outputs")


def count(batch: Batch):
    return {"count": len(batch.records)}


def post(url, body, **headers):
    return requests.post(f"{url}/process", data=body, headers=headers, timeout=PATIENCE_SECONDS)


# --- what goes well --------------------------------------------------------------------------------------------


def test_a_batch_is_answered_with_202_and_the_result_follows_with_its_id_and_trace(outputs):
    request = agent_request(RECORDS, request_id="batch-7")
    with serving(agent()(count)) as url:
        answer = post(url, request.body, **request.headers)
        (output,) = outputs.wait_for_outputs()
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "id": "batch-7"})
    assert (output.payload, output.request_id) == ({"count": 2}, "batch-7")
    assert output.traceparent == request.headers["traceparent"]


def test_the_function_gets_the_records_and_says_who_asked(outputs):
    def tell(batch: Batch):
        return [batch.records, batch.request_id, batch.project_id, batch.headers["content-type"]]

    with serving(agent()(tell)) as url:
        call_agent(f"{url}/process", RECORDS, project_id="project-1", request_id="batch-7")
        (output,) = outputs.wait_for_outputs()
    assert output.payload == [RECORDS, "batch-7", "project-1", "application/json"]


def test_an_async_function_is_awaited_in_the_loop(outputs):
    async def count_slowly(batch: Batch):
        await asyncio.sleep(0)
        return {"count": len(batch.records), "thread": threading.current_thread().name}

    with serving(agent()(count_slowly)) as url:
        call_agent(f"{url}/process", RECORDS)
        (output,) = outputs.wait_for_outputs()
    assert not output.payload["thread"].startswith("headrace")


def test_the_answer_does_not_wait_for_the_function(held, outputs):
    with serving(agent()(held)) as url:
        assert call_agent(f"{url}/process", RECORDS).status_code == 202
        assert outputs.outputs == []
        held.released.set()
        outputs.wait_for_outputs()


def test_a_function_that_returns_none_sends_nothing(outputs):
    with serving(agent(background=False)(lambda batch: None)) as url:
        assert call_agent(f"{url}/process", RECORDS).status_code == 200
    assert outputs.statuses == []


def test_what_the_function_sends_by_itself_answers_the_batch_too(outputs):
    def send_two(batch: Batch):
        with Headrace() as headrace:
            headrace.send_output("one")
            headrace.send_output("two")

    with serving(agent()(send_two)) as url:
        call_agent(f"{url}/process", RECORDS, request_id="batch-7")
        found = outputs.wait_for_outputs(2)
    assert [(output.payload, output.request_id) for output in found] == [("one", "batch-7"), ("two", "batch-7")]


def test_spans_of_the_function_are_children_of_the_batch(outputs):
    def where(batch: Batch):
        return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)

    request = agent_request(RECORDS)
    with serving(agent()(where)) as url:
        post(url, request.body, **request.headers)
        (output,) = outputs.wait_for_outputs()
    assert output.payload == request.headers["traceparent"].split("-")[1]


def test_a_client_that_was_given_is_used_and_stays_open(monkeypatch, outputs):
    client = AsyncHeadrace(outputs.api_key, outputs.url)
    monkeypatch.delenv("HEADRACE_API_KEY")
    with serving(agent(client=client)(count)) as url:
        call_agent(f"{url}/process", RECORDS)
        outputs.wait_for_outputs()
    asyncio.run(client.send_output("still open"))
    assert len(outputs.outputs) == 2


def test_health_is_answered_to_whoever_asks():
    with serving(agent(secrets=SECRET)(count)) as url:
        answer = requests.get(f"{url}/healthz", timeout=PATIENCE_SECONDS)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_the_function_can_still_be_called_as_a_function():
    made = agent()(count)
    assert isinstance(made, Agent)
    assert made.function is count


# --- inside FastAPI --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mount", "path"), [(lambda app, it: app.mount("/triage", it), "/triage/process"),
                        (lambda app, it: app.mount("/", it), "/process"),
                        (lambda app, it: app.add_route("/process", it), "/process")]
)  # fmt: skip
def test_in_fastapi_it_answers_where_it_is_mounted_and_the_rest_stays(mount, path, outputs):
    made = agent()(count)
    app = FastAPI(lifespan=made.lifespan)
    app.get("/version")(lambda: {"version": 1})
    mount(app, made)
    with serving(app) as url:
        assert call_agent(f"{url}{path}", RECORDS).status_code == 202
        assert requests.get(f"{url}/version", timeout=PATIENCE_SECONDS).json() == {"version": 1}
    assert [output.payload for output in outputs.outputs] == [{"count": 2}], "the shutdown waited for it"


def test_behind_a_prefix_of_the_server_it_answers_on_its_path():
    with serving(agent(path="triage/")(count), root_path="/agents") as url:
        assert call_agent(f"{url}/triage", RECORDS).status_code == 202


# --- who may ask, and what -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signed_with", "status"), [(SECRET, 202), (OTHER, 202), ([SECRET, OTHER], 202), (b"stranger", 401), (None, 401)]
)
def test_with_secrets_only_signed_requests_are_taken(signed_with, status, outputs):
    with serving(agent(secrets=[SECRET, OTHER])(count)) as url:
        answer = call_agent(f"{url}/process", RECORDS, secrets=signed_with)
    assert answer.status_code == status
    assert len(outputs.outputs) == (status == 202)


def test_secrets_come_from_the_environment_several_with_spaces(monkeypatch):
    monkeypatch.setenv("HEADRACE_SIGNING_SECRET", f"{SECRET} {OTHER}")
    with serving(agent()(count)) as url:
        assert call_agent(f"{url}/process", RECORDS, secrets=OTHER).status_code == 202
        assert call_agent(f"{url}/process", RECORDS).status_code == 401


def test_a_signed_body_that_was_changed_on_the_way_is_refused(outputs):
    request = agent_request(RECORDS, secrets=SECRET)
    with serving(agent(secrets=SECRET)(count)) as url:
        assert post(url, request.body + b" ", **request.headers).status_code == 401


@pytest.mark.parametrize("secrets", ["", [], "whsec_", [SECRET, ""]])
def test_a_secret_that_would_let_anybody_in_is_refused_at_once(secrets):
    with pytest.raises(ConfigurationError, match="secret"):
        agent(secrets=secrets)


@pytest.mark.parametrize("setting", [{"max_running": 0}, {"max_body_bytes": 0}, {"shutdown_timeout": -1}])
def test_a_limit_that_cannot_work_is_refused_at_once(setting):
    with pytest.raises(ConfigurationError, match=next(iter(setting))):
        agent(**setting)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"a": 1}', b"null", b"[1]", b"[[]]", b"[" * 100_000])
def test_a_body_that_is_not_an_array_of_records_is_refused_with_400(body, outputs):
    with serving(agent()(count)) as url:
        answer = post(url, body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"].startswith("the body is not")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_with_413_announced_or_not(chunked):
    body = b"[" + b" " * 100 + b"]"
    with serving(agent(max_body_bytes=100)(count)) as url:
        assert post(url, iter([body]) if chunked else body).status_code == 413
        assert post(url, b"[]").status_code == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_another_method_is_answered_with_405(method):
    with serving(agent()(count)) as url:
        answer = requests.request(method, f"{url}/process", timeout=PATIENCE_SECONDS)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_another_path_is_answered_with_404_and_the_right_one():
    with serving(agent()(count)) as url:
        answer = call_agent(f"{url}/", RECORDS)
    assert answer.status_code == 404
    assert "/process" in answer.json()["detail"]


def test_other_protocols_are_refused_as_asgi_asks():
    with pytest.raises(ValueError, match="not websocket"):
        asyncio.run(agent()(count)({"type": "websocket"}, None, None))


def test_a_caller_that_goes_away_half_way_gets_no_answer_and_starts_nothing(held):
    events = iter([{"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(events)

    async def send(message):
        pytest.fail(f"answered {message}")

    scope = {"type": "http", "method": "POST", "path": "/process", "headers": []}
    asyncio.run(agent()(held)(scope, receive, send))
    assert held.calls == 0
