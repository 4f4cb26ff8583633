"""How records become requests to the agent: batch size, batch window, filter, transforms."""

import requests

from tests.fakes.http import HttpStandIn
from tests.flow.deployment import LONGEST_SECONDS, Deployment
from tests.flow.logs import INFO, KEEP_ERRORS, dead_marks, errors, log_record, logs_of, marks, numbered
from tests.flow.waiting import wait_until

WINDOW_MS = 3000


def test_25_records_in_one_request_become_three_batches_of_at_most_ten(
    deployment: Deployment, agent: HttpStandIn
) -> None:
    deployment.pipeline(agent.url, batch_size=10)
    posted = numbered("record", 25)
    assert deployment.post(deployment.start(), "/v1/logs", errors(*posted)).status_code == 200
    agent.wait_for(3)
    wait_until(deployment.idle, "the queue is empty")
    assert sorted(len(request.json) for request in agent.requests) == [5, 10, 10]
    assert sorted(marks(agent.records)) == sorted(posted)
    assert len({request.headers["X-Request-ID"] for request in agent.requests}) == 3


def test_what_is_received_and_what_is_delivered_are_counted_in_one_place(
    deployment: Deployment, agent: HttpStandIn
) -> None:
    deployment.pipeline(agent.url, batch_size=10)
    runtime = deployment.start()
    assert deployment.post(runtime, "/v1/logs", errors(*numbered("record", 25))).status_code == 200

    wanted = {
        'headrace_records_received_total{signal="logs"} 25.0',
        'headrace_agent_requests_total{verdict="done"} 3.0',
    }

    def counted() -> set[str]:
        return set(requests.get(f"{runtime.url}/metrics", timeout=LONGEST_SECONDS).text.splitlines())

    wait_until(lambda: wanted <= counted(), "both are counted, and each once")


def test_requests_within_the_window_become_one_batch(deployment: Deployment, agent: HttpStandIn) -> None:
    deployment.pipeline(agent.url, batch_size=100, batch_window_ms=WINDOW_MS)
    runtime = deployment.start()
    for mark in ("one", "two", "three"):
        assert deployment.post(runtime, "/v1/logs", errors(mark)).status_code == 200
    (request,) = agent.wait_for(1)
    wait_until(deployment.idle, "the queue is empty")
    assert marks(request.json) == ["one", "two", "three"]
    assert len(agent.requests) == 1


def test_a_full_event_does_not_wait_for_the_window(deployment: Deployment, agent: HttpStandIn) -> None:
    deployment.pipeline(agent.url, batch_size=100, batch_window_ms=300_000)
    runtime = deployment.start()
    for mark in numbered("request", 10):
        assert deployment.post(runtime, "/v1/logs", errors(mark)).status_code == 200
    agent.wait_for(1)
    wait_until(deployment.idle, "the queue is empty")
    assert marks(agent.records) == numbered("request", 10)


def test_the_filter_keeps_and_the_transforms_add(deployment: Deployment, agent: HttpStandIn) -> None:
    transforms = [
        {"expression": "$uppercase(body)", "output_name": "loud", "output_type": "string"},
        {"expression": "severityNumber * 2", "output_name": "derived.double", "output_type": "int"},
    ]
    deployment.pipeline(agent.url, filter=KEEP_ERRORS, transforms=transforms)
    body = logs_of(log_record("dropped", INFO), log_record("kept"))
    assert deployment.post(deployment.start(), "/v1/logs", body).status_code == 200
    agent.wait_for(1)
    wait_until(deployment.idle, "the queue is empty")
    (record,) = agent.records
    assert (record["body"], record["loud"], record["derived"]) == ("kept", "KEPT", {"double": 34})


def test_records_on_which_an_expression_fails_are_dead_lettered_when_asked_for(
    deployment: Deployment, agent: HttpStandIn
) -> None:
    deployment.pipeline(agent.url, filter="$number(body) > 0", on_error="dead_letter")
    body = errors("1", "not a number", "2")
    assert deployment.post(deployment.start(), "/v1/logs", body).status_code == 200
    agent.wait_for(1)
    letters = wait_until(deployment.dead_letters, "the record is dead-lettered")
    assert dead_marks(letters) == {"not a number"}
    assert marks(agent.records) == ["1", "2"]


def test_an_expression_that_hangs_stops_no_other_record(deployment: Deployment, agent: HttpStandIn) -> None:
    endless = "($f := function($n) { $f($n + 1) }; body = 'poison' ? $f(0) : true)"
    deployment.pipeline(agent.url, filter=endless, on_error="dead_letter")
    body = errors("before", "poison", "after")
    assert deployment.post(deployment.start(), "/v1/logs", body).status_code == 200
    agent.wait_for(1)
    letters = wait_until(deployment.dead_letters, "the record is dead-lettered")
    assert dead_marks(letters) == {"poison"}
    assert marks(agent.records) == ["before", "after"]
