"""The whole agent `otlp-error-summary`: requests in, results out, in good times and in bad ones."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from standardwebhooks import Webhook

from tests.agents.agent_process import ACCEPTED, ERRORS, FOLDER, KEY, base_url, receiving, running
from tests.agents.stand_in_model import ENRICHMENT, StandInModel, answering, fails
from tests.fakes.http import HttpStandIn, hang, hang_until, listening, reply

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def headrace() -> Iterator[HttpStandIn]:
    with receiving() as stand_in:
        yield stand_in


@pytest.fixture
def model() -> Iterator[StandInModel]:
    with answering() as server:
        yield server


def online(model: StandInModel, **settings: str) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": model.base_url, **settings}


# --- offline -------------------------------------------------------------------------------------------------


def test_without_a_key_it_says_so_and_summarizes_by_rules(headrace: HttpStandIn) -> None:
    with running(base_url(headrace)) as agent:
        assert "OPENAI_API_KEY is not set" in agent.wait_for_line("mode offline")
        assert agent.health() == {
            "status": "ok", "mode": "offline", "batches_in_progress": 0, "reason": "OPENAI_API_KEY is not set",
        }  # fmt: skip
        trace = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
        answer = agent.process(X_Request_ID="batch-7", X_Project_ID="p1", traceparent=trace)
        assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "request_id": "batch-7"})
        (sent,) = headrace.wait_for(1)
    assert sent.path == "/internal/agent-output"
    headers = dict(sent.headers.items())
    assert headers.items() >= {"X-API-Key": KEY, "X-Request-ID": "batch-7", "traceparent": trace}.items()
    output = sent.json
    assert (output["mode"], output["offline_reason"]) == ("offline", "OPENAI_API_KEY is not set")
    assert (output["title"], output["severity"]) == ("ConnectionPoolExhausted in payment-service", "critical")
    (group,) = output["groups"]
    assert (group["count"], group["trace_ids"]) == (3, ["a" * 32])
    assert (group["first_seen"], group["last_seen"]) == ("2024-01-15T10:30:00Z", "2024-01-15T10:30:02Z")


def test_the_same_batch_twice_is_summarized_once_and_a_batch_without_an_id_every_time(headrace: HttpStandIn) -> None:
    with running(base_url(headrace)) as agent:
        agent.process(X_Request_ID="batch-1")
        headrace.wait_for(1)
        assert agent.process(X_Request_ID="batch-1").json()["status"] == "already taken"
        agent.process(ERRORS[:1], X_Request_ID="batch-1")
        agent.process()
        agent.process()
        headrace.wait_for(4)
    ids = Counter(request.headers["X-Request-ID"] for request in headrace.requests)
    assert sorted(ids.values()) == [1, 1, 2]
    assert ids["batch-1"] == 2


def test_a_huge_batch_of_strangers_text_gives_one_result_below_the_limit(headrace: HttpStandIn) -> None:
    odd = [{}, {"body": {"deep": [None]}}, {"body": "lone \\ud800"}, {"resourceAttributes": 7, "attributes": []}]
    many = [{"body": f"failure {'x' * (index % 997)}", "severityNumber": 17} for index in range(9000)]
    with running(base_url(headrace)) as agent:
        assert agent.process(odd + many).status_code == 202
        (sent,) = headrace.wait_for(1)
    assert sent.json["count"] == 9004
    assert len(sent.body) < 256 * 1024


def test_bodies_that_are_no_batches_are_refused_with_what_is_wrong(headrace: HttpStandIn) -> None:
    rows: list[tuple[Any, dict[str, str], int, str]] = [
        (b"{", {}, 400, "not JSON"),
        (b"", {}, 400, "not JSON"),
        (b"\xff", {}, 400, "not JSON"),
        (b"[" * 4000, {}, 400, "not JSON"),
        ({"body": "one"}, {}, 400, "not a JSON array"),
        ([ERRORS[0], "text"], {}, 400, "record 1 is not"),
        (ERRORS, {"X_Request_ID": "x" * 201}, 400, "X-Request-ID"),
        (b" " * 5000, {}, 413, "over 4096 bytes"),
        ([], {}, 202, ""),
    ]
    with running(base_url(headrace), MAX_BODY_BYTES="4096") as agent:
        for body, headers, status, words in rows:
            answer = agent.process(body, **headers)
            assert (answer.status_code, words in answer.json().get("detail", "")) == (status, True), answer.text
        chunked = requests.post(f"{agent.url}/process", data=(b" " * 1000 for _ in range(9)), timeout=30)
        assert chunked.status_code == 413
    assert headrace.requests == []


def test_with_a_signing_secret_only_what_headrace_signed_is_taken(headrace: HttpStandIn) -> None:
    body = json.dumps(ERRORS).encode()
    now = datetime.now(UTC)
    signed = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", now, body.decode()),
    }
    with running(base_url(headrace), HEADRACE_SIGNING_SECRET=f"whsec_bmV3 {SECRET}") as agent:
        assert agent.process(body).status_code == 401
        assert agent.process(body + b" ", **signed).status_code == 401
        assert agent.process(body, **signed).status_code == 202
        headrace.wait_for(1)


# --- with a model --------------------------------------------------------------------------------------------


def test_with_a_key_the_model_says_what_is_sent_and_nothing_goes_anywhere_else(
    headrace: HttpStandIn, model: StandInModel
) -> None:
    with listening() as trap:  # whatever is not for this machine would go through this proxy
        proxies = {"HTTPS_PROXY": base_url(trap), "HTTP_PROXY": base_url(trap), "NO_PROXY": "127.0.0.1"}
        with running(base_url(headrace), OPENAI_MODEL="gpt-test", **online(model), **proxies) as agent:
            agent.wait_for_line("mode online: model gpt-test")
            agent.process(X_Request_ID="batch-7")
            (sent,) = headrace.wait_for(1)
            assert agent.health()["mode"] == "online"
        assert trap.requests == []
    output = sent.json
    assert (output["mode"], output["model"], "offline_reason" in output) == ("online", "gpt-test", False)
    assert output["title"] == "PoolOverflow in payment-service"
    assert {name: output[name] for name in ENRICHMENT} == ENRICHMENT
    assert sent.headers["X-Request-ID"] == "batch-7"


def test_a_model_that_dies_is_replaced_by_the_rules_and_nothing_is_lost(headrace: HttpStandIn) -> None:
    with ExitStack() as life:
        with answering() as model:
            agent = life.enter_context(running(base_url(headrace), AI_MAX_RETRIES="0", **online(model)))
            agent.process(X_Request_ID="alive")
            headrace.wait_for(1)
        agent.process(X_Request_ID="dead")
        headrace.wait_for(2)
        assert agent.health()["model_failure"] == "Classifier: the model's server cannot be reached"
        with answering(urlsplit(model.base_url).port):
            agent.process(X_Request_ID="again")
            headrace.wait_for(3)
            assert agent.health()["model_failure"] is None
    assert [request.json["mode"] for request in headrace.requests] == ["online", "offline", "online"]
    assert headrace.requests[1].json["offline_reason"] == "Classifier: the model's server cannot be reached"


def test_a_full_agent_answers_503_and_when_to_come_again(headrace: HttpStandIn, model: StandInModel) -> None:
    moment = threading.Event()
    model.will(hang_until(moment, fails(401)))
    settings = online(model, MAX_CONCURRENT_BATCHES="2", AI_TIMEOUT_SECONDS="20")
    with running(base_url(headrace), **settings) as agent:
        assert [agent.process(X_Request_ID=f"batch-{number}").status_code for number in (1, 2)] == [202, 202]
        full = agent.process(X_Request_ID="batch-3")
        assert (full.status_code, full.headers["Retry-After"]) == (503, "20")
        assert agent.process(X_Request_ID="batch-2").json()["status"] == "already taken"
        assert agent.health()["batches_in_progress"] == 2
        moment.set()
        headrace.wait_for(2)
        agent.wait_for_line("batch-1: ")
        agent.wait_for_line("batch-2: ")
        assert agent.process(X_Request_ID="batch-3").status_code == 202
        headrace.wait_for(3)


def test_an_agent_that_is_told_to_stop_sends_what_it_accepted(headrace: HttpStandIn, model: StandInModel) -> None:
    model.will(hang)
    with running(base_url(headrace), SHUTDOWN_SECONDS="0", **online(model)) as agent:
        agent.process(X_Request_ID="batch-1")
        model.http.wait_for(1)
        agent.stop()
        (sent,) = headrace.wait_for(1)
        agent.wait()
    assert sent.json["offline_reason"] == "the agent was told to stop before the model had answered"


# --- results that cannot be sent ---------------------------------------------------------------------------------


def test_a_result_that_cannot_be_sent_is_in_the_log_and_the_batch_may_come_again(headrace: HttpStandIn) -> None:
    headrace.will(reply(401, b'{"detail": "unknown key"}'), ACCEPTED)
    with running(base_url(headrace)) as agent:
        agent.process(X_Request_ID="batch-1")
        line = agent.wait_for_line("the result could not be sent")
        assert "batch-1" in line
        assert "401" in line
        assert json.loads(line.partition("; it is ")[2])["title"] == "ConnectionPoolExhausted in payment-service"
        assert agent.process(X_Request_ID="batch-1").json()["status"] == "accepted"
        headrace.wait_for(2)
        assert KEY not in "\n".join(agent.lines)


def test_a_receiver_that_is_down_for_a_moment_gets_the_result_later(headrace: HttpStandIn) -> None:
    headrace.will(reply(503), reply(503, Retry_After="0"), ACCEPTED)
    with running(base_url(headrace)) as agent:
        agent.process(X_Request_ID="batch-1")
        headrace.wait_for(3)
        agent.wait_for_line("sent as output-1")
    assert {request.headers["X-Request-ID"] for request in headrace.requests} == {"batch-1"}


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "HEADRACE_API_KEY or GLASSFLOW_API_KEY"),
        ({"HEADRACE_API_KEY_FILE": "/no/such/file"}, "HEADRACE_API_KEY_FILE"),
        ({"GLASSFLOW_API_KEY": KEY, "GLASSFLOW_ENDPOINT": "receiver:4318"}, "endpoint"),
        ({"GLASSFLOW_API_KEY": KEY, "AI_TIMEOUT_SECONDS": "soon", "LOG_LEVEL": "loud"}, "AI_TIMEOUT_SECONDS"),
        ({"GLASSFLOW_API_KEY": KEY, "HEADRACE_SIGNING_SECRET": "whsec_?"}, "signing secret"),
    ],
)
def test_a_setting_that_cannot_work_ends_the_agent_at_the_start_and_is_named(
    settings: dict[str, str], words: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import main"], cwd=FOLDER, env={**os.environ, **settings},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.startswith("otlp-error-summary cannot start: ")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_names_of_the_seed_work_and_the_key_may_be_in_a_file(headrace: HttpStandIn, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hr_from_file\n")
    settings = {"GLASSFLOW_ENDPOINT": base_url(headrace), "LOG_LEVEL": "debug", "HEADRACE_ENDPOINT": ""}
    with running(
        base_url(headrace), HEADRACE_API_KEY="", HEADRACE_API_KEY_FILE=str(tmp_path / "key"), **settings
    ) as agent:
        agent.process()
        headrace.wait_for(1)
    with running(base_url(headrace), HEADRACE_API_KEY="", GLASSFLOW_API_KEY="hr_seed", **settings) as agent:
        agent.process()
        headrace.wait_for(2)
    assert [sent.headers["X-API-Key"] for sent in headrace.requests] == ["hr_from_file", "hr_seed"]
