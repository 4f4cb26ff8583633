"""Agents of one function when batches repeat, crowd in or fail, and when their server begins and ends."""

import asyncio
import logging
import threading

import pytest
import requests

from headrace_sdk.asgi import Batch, agent
from headrace_sdk.testing import agent_request, call_agent
from tests.flow.waiting import wait_until
from tests.sdk.loopback import PATIENCE_SECONDS
from tests.sdk.serving import serving

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
RECORDS = [{"body": "Connection refused"}, {"body": "Timeout"}]

pytestmark = pytest.mark.usefixtures("outputs")


def count(batch: Batch):
    return {"count": len(batch.records)}


def post(url, body, **headers):
    return requests.post(f"{url}/process", data=body, headers=headers, timeout=PATIENCE_SECONDS)


# --- the same batch again, and too many ------------------------------------------------------------------------


def test_a_batch_that_comes_again_while_it_runs_or_when_it_is_done_runs_once(held, outputs):
    with serving(agent(secrets=SECRET)(held)) as url:
        again = {"request_id": "batch-7", "secrets": SECRET}
        answers = [call_agent(f"{url}/process", RECORDS, **again) for _ in range(2)]
        held.released.set()
        outputs.wait_for_outputs()
        answers.append(call_agent(f"{url}/process", RECORDS, **again))
        call_agent(f"{url}/process", RECORDS, request_id="batch-8", secrets=SECRET)
        outputs.wait_for_outputs(2)
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [output.payload for output in outputs.outputs] == ["batch-7", "batch-8"]


def test_a_signed_request_repeated_under_another_request_id_runs_once(outputs):
    request = agent_request(RECORDS, secrets=SECRET)
    with serving(agent(secrets=SECRET, background=False)(count)) as url:
        for number in range(3):
            assert post(url, request.body, **request.headers | {"X-Request-ID": str(number)}).status_code == 200
    assert len(outputs.outputs) == 1


def test_batches_without_any_id_are_all_different(outputs):
    with serving(agent(background=False)(count)) as url:
        assert [post(url, b"[]").status_code for _ in range(2)] == [200, 200]
    assert len(outputs.outputs) == 2


def test_a_batch_that_failed_may_come_again(outputs):
    results = iter([ValueError("not today"), "done"])

    def fail_once(batch: Batch):
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    with serving(agent(background=False)(fail_once)) as url:
        statuses = [call_agent(f"{url}/process", RECORDS, request_id="batch-7").status_code for _ in range(3)]
    assert statuses == [500, 200, 200]
    assert [output.payload for output in outputs.outputs] == ["done"]


def test_when_full_it_answers_503_with_retry_after_and_takes_batches_again_later(held, outputs):
    with serving(agent(max_running=2)(held)) as url:
        assert [call_agent(f"{url}/process", RECORDS).status_code for _ in range(2)] == [202, 202]
        full = call_agent(f"{url}/process", RECORDS)
        held.released.set()
        wait_until(lambda: call_agent(f"{url}/process", RECORDS).status_code == 202, "there is room again")
    assert full.status_code == 503
    assert int(full.headers["Retry-After"]) >= 5
    assert len(outputs.outputs) == 3


# --- what goes wrong inside ------------------------------------------------------------------------------------


def crash(batch: Batch):
    raise ValueError("a division of labour")


def leave(batch: Batch):
    raise SystemExit(3)


def run_out(batch: Batch):
    return next(iter([]))


async def cancel(batch: Batch):
    raise asyncio.CancelledError


def return_a_set(batch: Batch):
    return {1, 2}


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (crash, "failed: a division of labour"),
        (leave, "failed: the agent's function called for the end"),
        (run_out, "failed: the agent's function let a StopIteration through"),
        (cancel, "was cancelled"),
        (return_a_set, "failed: payload cannot be sent as JSON: $ is a set"),
    ],
)
def test_a_function_that_fails_is_logged_with_its_batch_and_the_server_lives(function, words, outputs, caplog):
    with caplog.at_level(logging.ERROR, "headrace_sdk.asgi"), serving(agent()(function)) as url:
        assert call_agent(f"{url}/process", RECORDS, request_id="batch-7").status_code == 202
        assert requests.get(f"{url}/healthz", timeout=PATIENCE_SECONDS).ok
    assert f"batch 'batch-7' {words}" in caplog.text
    assert outputs.outputs == []


@pytest.mark.parametrize("function", [crash, leave, run_out, cancel, return_a_set])
def test_in_the_foreground_a_failure_is_answered_with_500_so_that_headrace_comes_again(function, outputs):
    with serving(agent(background=False)(function)) as url:
        answer = call_agent(f"{url}/process", RECORDS)
    assert answer.status_code == 500
    assert "labour" not in answer.text


def test_in_the_foreground_a_receiver_that_is_busy_is_answered_with_503_and_its_retry_after(outputs):
    outputs.fail(503, retry_after=120)
    with serving(agent(background=False)(count)) as url:
        answer = call_agent(f"{url}/process", RECORDS)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "120")


def test_in_the_foreground_a_receiver_that_refuses_the_key_is_a_failure(outputs):
    outputs.fail(401)
    with serving(agent(background=False)(count)) as url:
        assert call_agent(f"{url}/process", RECORDS).status_code == 500


# --- beginning and end -----------------------------------------------------------------------------------------


def test_without_an_api_key_the_server_is_told_not_to_start(monkeypatch):
    monkeypatch.delenv("HEADRACE_API_KEY")
    told = []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        told.append(message)

    asyncio.run(agent()(count)({"type": "lifespan"}, receive, send))
    (failed,) = told
    assert failed["type"] == "lifespan.startup.failed"
    assert "no API key" in failed["message"]


def test_a_server_that_stops_waits_for_running_batches(held, outputs):
    made = agent()(held)

    async def released_by_the_shutdown(scope, receive, send):
        async def seen():
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                assert outputs.outputs == []
                held.released.set()
            return message

        await made(scope, seen, send)

    with serving(released_by_the_shutdown) as url:
        call_agent(f"{url}/process", RECORDS)
        held.wait_until_entered()
    assert len(outputs.outputs) == 1


def test_a_batch_that_outlasts_the_shutdown_is_cancelled_and_logged(outputs, caplog):
    entered = threading.Event()

    async def never_end(batch: Batch):
        entered.set()
        await asyncio.Event().wait()

    with serving(agent(shutdown_timeout=0.05)(never_end)) as url:
        call_agent(f"{url}/process", RECORDS, request_id="batch-7")
        assert entered.wait(PATIENCE_SECONDS)
    assert "batch 'batch-7' was cancelled" in caplog.text
