"""Agents that fail, and what becomes of the records: retried as the same batch, or kept with the reason."""

import json
from collections import Counter
from collections.abc import Callable
from threading import Event
from uuid import UUID

import pytest

from tests.fakes.http import (
    Answer,
    HttpStandIn,
    Request,
    dripping_body,
    dripping_headers,
    endless_body,
    hang,
    hang_until,
    hang_up,
    nobody,
    reply,
    stop_half_way,
)
from tests.flow.deployment import Deployment
from tests.flow.logs import dead_marks, errors, marks, numbered
from tests.flow.process import Runtime
from tests.flow.waiting import wait_until

FIRST_RETRY_SECONDS = 1
ATTEMPTS = 6
"""After which a batch is given up."""


def started(deployment: Deployment, agent_url: str, *posted: str, **pipeline: object) -> Runtime:
    """A runtime that has acknowledged one request with these records."""
    deployment.pipeline(agent_url, timeout_seconds=1, **pipeline)
    runtime = deployment.start()
    assert deployment.post(runtime, "/v1/logs", errors(*posted)).status_code == 200
    return runtime


def batches_in_log(deployment: Deployment) -> list[dict[str, object]]:
    """The failed requests to the agent that the runtime told of."""
    events = [json.loads(line) for line in deployment.log.read_text().splitlines()]
    return [event for event in events if event["event"] == "batch"]


def assert_same_batch(first: Request, second: Request) -> None:
    assert first.body == second.body
    assert UUID(first.headers["X-Request-ID"]).hex == UUID(second.headers["X-Request-ID"]).hex
    (_, trace, span, _), (_, trace_again, span_again, _) = (
        request.headers["traceparent"].split("-") for request in (first, second)
    )
    assert (trace, span != span_again) == (trace_again, True)


def test_a_batch_is_sent_as_the_contract_says(deployment: Deployment, agent: HttpStandIn) -> None:
    started(deployment, agent.url, "one", "two")
    (request,) = agent.wait_for(1)
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/json")
    assert request.headers["X-Project-ID"] == deployment.project_id
    assert marks(request.json) == ["one", "two"]


@pytest.mark.parametrize(
    "failure",
    [reply(500), reply(503), reply(408), reply(429), hang, hang_up, stop_half_way],
    ids=["500", "503", "408", "429", "too slow", "hangs up", "stops half-way"],
)
def test_a_failed_batch_is_retried_as_the_same_batch(
    deployment: Deployment, agent: HttpStandIn, failure: Answer
) -> None:
    agent.will(failure, reply(200))
    started(deployment, agent.url, "one", "two")
    first, second = agent.wait_for(2)
    assert_same_batch(first, second)
    assert second.at_monotonic - first.at_monotonic > FIRST_RETRY_SECONDS * 0.9
    wait_until(deployment.idle, "the queue is empty")
    assert deployment.dead_letters() == []


def test_retry_after_is_honoured(deployment: Deployment, agent: HttpStandIn) -> None:
    agent.will(reply(429, Retry_After="3"), reply(200))
    started(deployment, agent.url, "one")
    first, second = agent.wait_for(2)
    assert_same_batch(first, second)
    assert second.at_monotonic - first.at_monotonic >= 2.9


def test_records_wait_for_an_agent_that_is_down(deployment: Deployment, listen: Callable[..., HttpStandIn]) -> None:
    with nobody() as port:
        started(deployment, f"http://127.0.0.1:{port}/process", "patient")
        wait_until(lambda: batches_in_log(deployment), "an attempt failed")
        agent = listen(port)
        agent.wait_for(1)
    assert marks(agent.records) == ["patient"]


def test_a_batch_is_never_given_up_for_attempts_that_were_not_made(deployment: Deployment, agent: HttpStandIn) -> None:
    posted = numbered("outage", 20)
    agent.will(*[reply(503, Retry_After="1")] * 20, reply(200))
    started(deployment, agent.url, *posted, batch_size=1, max_concurrency=1)
    wait_until(deployment.idle, "all batches are done with")
    tries = Counter(request.headers["X-Request-ID"] for request in agent.requests)
    given_up = [tries[letter.attributes["request_id"]] for letter in deployment.dead_letters()]
    assert [count for count in given_up if count < ATTEMPTS] == []


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
def test_a_refused_batch_is_dead_lettered_with_the_reason_and_can_be_redriven(
    deployment: Deployment, agent: HttpStandIn, status: int
) -> None:
    agent.will(reply(status), reply(200))
    started(deployment, agent.url, "one", "two")
    (letter,) = wait_until(deployment.dead_letters, "the batch is dead-lettered")
    assert letter.reason == f"the agent answered {status}, after 1 attempt"
    assert dead_marks([letter]) == {"one", "two"}
    wait_until(deployment.idle, "its message is acknowledged")
    assert deployment.redrive() == 1
    assert_same_batch(*agent.wait_for(2))
    wait_until(deployment.idle, "the redriven batch is done with")
    assert deployment.dead_letters() == []


def test_a_redirect_is_not_followed_and_the_reason_says_so(
    deployment: Deployment, agent: HttpStandIn, webhook: HttpStandIn
) -> None:
    agent.will(reply(302, Location=webhook.url), reply(200))
    started(deployment, agent.url, "one")
    (letter,) = wait_until(deployment.dead_letters, "the batch is dead-lettered")
    assert "302" in letter.reason
    assert "redirect" in letter.reason
    assert len(agent.requests) == 1
    assert webhook.requests == []


def test_only_the_batch_that_failed_is_sent_again(deployment: Deployment, agent: HttpStandIn) -> None:
    agent.will(reply(500), reply(200))
    started(deployment, agent.url, *numbered("record", 3), batch_size=1, max_concurrency=1)
    first, *others = agent.wait_for(4)
    assert_same_batch(first, others[-1])
    wait_until(deployment.idle, "the queue is empty")
    assert sorted(marks(agent.records)) == sorted([*numbered("record", 3), marks(first.json)[0]])


@pytest.mark.parametrize("answer", [endless_body, dripping_body, dripping_headers])
def test_an_answer_that_never_ends_holds_up_nothing_for_longer_than_the_timeout(
    deployment: Deployment, agent: HttpStandIn, answer: Answer
) -> None:
    agent.will(answer, reply(200))
    started(deployment, agent.url, "one")
    agent.wait_for(1)
    wait_until(deployment.idle, "the batch is done with", within=20)
    assert set(marks(agent.records)) == {"one"}


def test_a_slow_agent_within_its_time_gets_each_record_once(deployment: Deployment, agent: HttpStandIn) -> None:
    answer_now = Event()
    agent.will(hang_until(answer_now))
    deployment.pipeline(agent.url, timeout_seconds=60)
    runtime = deployment.start()
    assert deployment.post(runtime, "/v1/logs", errors("slow")).status_code == 200
    agent.wait_for(1)
    assert deployment.post(runtime, "/v1/logs", errors("meanwhile")).status_code == 200
    agent.wait_for(2)
    answer_now.set()
    wait_until(deployment.idle, "both batches are done with")
    assert sorted(marks(agent.records)) == ["meanwhile", "slow"]


def test_a_paused_pipeline_keeps_its_records_until_it_is_enabled(deployment: Deployment, agent: HttpStandIn) -> None:
    deployment.pipeline(agent.url, enabled=False)
    runtime = deployment.start()
    assert deployment.post(runtime, "/v1/logs", errors("kept")).status_code == 200
    assert deployment.stats().depth == 1
    assert agent.requests == []
    deployment.pipeline(agent.url, enabled=True)
    agent.wait_for(1)
    assert marks(agent.records) == ["kept"]
