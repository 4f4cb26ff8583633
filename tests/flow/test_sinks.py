"""What an agent sends back, on its way to webhooks and Slack, good ones and bad ones."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks import Webhook

from headrace_sdk import Headrace
from tests.fakes.http import HttpStandIn, endless_body, hang, hang_up, nobody, reply, stop_half_way
from tests.fakes.slack import SlackWebhook
from tests.flow.deployment import Deployment
from tests.flow.process import Runtime
from tests.flow.waiting import wait_until

FINDING = {"title": "Database pool exhausted", "severity": "critical", "summary": "Too few connections", "count": 3}
LADDER_SECONDS = 5


def output(deployment: Deployment, runtime: Runtime, payload: Any = FINDING, request_id: str = "request-1") -> str:
    """Send what an agent would; the id under which it was accepted."""
    headers = {"X-Request-ID": request_id}
    answer = deployment.post(runtime, "/internal/agent-output", json.dumps(payload).encode(), headers)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    return answer.json()["id"]


def test_an_output_sent_with_the_sdk_reaches_the_webhook_as_the_contract_says(
    deployment: Deployment, webhook: HttpStandIn
) -> None:
    deployment.sink(webhook.url, headers={"Authorization": "Bearer secret"})
    with Headrace(api_key=deployment.key, endpoint=deployment.start().url) as client:
        client.send_output(payload=FINDING, request_id="request-7")
    (request,) = webhook.wait_for(1)
    assert request.json == FINDING
    headers = dict(request.headers.items())
    assert headers.items() >= {"X-Request-ID": "request-7", "X-Project-ID": deployment.project_id}.items()
    assert headers.items() >= {"Authorization": "Bearer secret", "Content-Type": "application/json"}.items()
    assert headers["webhook-id"].startswith("msg_")
    assert headers["webhook-timestamp"].isdigit()
    wait_until(lambda: deployment.idle("output"), "the output is done with")


def test_slack_gets_a_message_with_text_and_blocks(deployment: Deployment, webhook: HttpStandIn) -> None:
    deployment.sink(webhook.url, type="slack")
    output(deployment, deployment.start())
    (request,) = webhook.wait_for(1)
    assert "Database pool exhausted" in request.json["text"]
    assert request.json["blocks"][0]["type"] == "header"
    assert "request-1" in json.dumps(request.json["blocks"])


def test_slack_gets_a_burst_one_a_second_and_takes_all_of_it(deployment: Deployment, webhook: HttpStandIn) -> None:
    slack = SlackWebhook()
    webhook.will(slack)
    deployment.sink(webhook.url, type="slack")
    runtime = deployment.start()
    for number in range(4):
        output(deployment, runtime, {**FINDING, "title": f"finding {number}"})
    webhook.wait_for(4)
    wait_until(lambda: deployment.idle("output"), "all is delivered")
    assert len({request.json["text"] for request in webhook.requests}) == 4
    assert slack.too_fast <= 1, "a busy machine may let two meet, but no more"
    assert deployment.dead_letters("output") == []


def test_a_webhook_of_slack_that_was_removed_is_said_so_in_the_log(
    deployment: Deployment, webhook: HttpStandIn
) -> None:
    webhook.will(reply(404, b"no_service"))
    sink = deployment.sink(webhook.url, type="slack")
    output(deployment, deployment.start())
    (attempt,) = wait_until(lambda: deployment.attempts(sink), "the attempt is in the log")
    assert "404: no_service (this webhook was removed" in (attempt.error or "")
    assert len(deployment.dead_letters("output")) == 1


def test_a_signed_delivery_is_verified_by_the_library_of_standard_webhooks(
    deployment: Deployment, webhook: HttpStandIn
) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    deployment.sink(webhook.url, signing_secret=secret)
    output(deployment, deployment.start())
    (request,) = webhook.wait_for(1)
    assert Webhook(secret).verify(request.body, dict(request.headers.items())) == FINDING


@pytest.mark.parametrize(
    ("answer", "ok", "words"),
    [
        (reply(200, b"\x00\xff<html>garbage"), True, ""),
        (endless_body, True, ""),
        (hang, False, "gave no answer within 1 s"),
        (stop_half_way, False, "could not be reached"),
        (reply(500, b"database is\n\n down"), False, "answered 500: database is down"),
    ],
)
def test_however_a_webhook_misbehaves_the_log_says_what_came_of_it(
    deployment: Deployment, webhook: HttpStandIn, answer: Any, ok: bool, words: str
) -> None:
    webhook.will(answer, reply(200))
    sink = deployment.sink(webhook.url, timeout_seconds=1)
    output(deployment, deployment.start())
    first, *_ = wait_until(lambda: deployment.attempts(sink), "the attempt is in the log")
    assert (first.verdict == "done", first.number, first.request_id) == (ok, 1, "request-1")
    assert words in (first.error or "")
    wait_until(lambda: deployment.idle("output") is ok, "it is done with, or kept for its next try")
    assert deployment.dead_letters("output") == []


def test_a_template_that_gives_no_json_or_nothing_keeps_the_output_with_the_reason(
    deployment: Deployment, webhook: HttpStandIn
) -> None:
    for template in ("function($x) { $x }", "nowhere", "1 / 0"):
        deployment.sink(webhook.url, name=template, template=template)
    runtime = deployment.start()
    output(deployment, runtime)
    wait_until(lambda: len(deployment.dead_letters("output")) == 3, "all three are given up")
    assert all("was not sent anything" in letter.reason for letter in deployment.dead_letters("output"))
    assert webhook.requests == []


def test_filter_and_template_of_a_sink_decide_what_it_gets(deployment: Deployment, webhook: HttpStandIn) -> None:
    deployment.sink(webhook.url, filter="severity = 'critical'", template="{'text': title}", method="PUT")
    runtime = deployment.start()
    output(deployment, runtime, {**FINDING, "severity": "info"})
    output(deployment, runtime)
    (request,) = webhook.wait_for(1)
    wait_until(lambda: deployment.idle("output"), "both outputs are done with")
    assert (request.method, request.json) == ("PUT", {"text": FINDING["title"]})
    assert len(webhook.requests) == 1


def test_failing_webhooks_are_retried_with_the_same_id_and_their_neighbour_gets_its_delivery_once(
    deployment: Deployment, webhook: HttpStandIn, listen: Callable[..., HttpStandIn]
) -> None:
    bad = {listen(): failure for failure in (reply(500), reply(429), hang, hang_up, stop_half_way)}
    for failing, failure in bad.items():
        failing.will(failure, reply(200))
        deployment.sink(failing.url, timeout_seconds=1)
    deployment.sink(webhook.url, name="good")
    output(deployment, deployment.start())
    (good,) = webhook.wait_for(1)
    for failing in bad:
        first, second = failing.wait_for(2)
        assert good.at_monotonic < second.at_monotonic, "the good one was delayed by a failing one"
        assert first.headers["webhook-id"] == second.headers["webhook-id"] != good.headers["webhook-id"]
        assert first.body == second.body
        assert second.at_monotonic - first.at_monotonic > LADDER_SECONDS * 0.9
    wait_until(lambda: deployment.idle("output"), "all is delivered")
    assert len(webhook.requests) == 1
    assert [len(failing.requests) for failing in bad] == [2] * len(bad)


def test_retry_after_of_a_webhook_wins_over_the_ladder(deployment: Deployment, webhook: HttpStandIn) -> None:
    webhook.will(reply(503, Retry_After="1"), reply(200))
    deployment.sink(webhook.url)
    output(deployment, deployment.start())
    first, second = webhook.wait_for(2)
    assert second.at_monotonic - first.at_monotonic >= 0.9
    assert second.headers["webhook-id"] == first.headers["webhook-id"]


def test_an_output_for_a_webhook_that_is_down_is_kept(
    deployment: Deployment, listen: Callable[..., HttpStandIn]
) -> None:
    with nobody() as port:
        deployment.sink(f"http://127.0.0.1:{port}/hook")
        runtime = deployment.start()
        output(deployment, runtime)
        wait_until(lambda: '"verdict": "retry"' in deployment.log.read_text(), "an attempt failed")
        assert runtime.stop() == 0
        returned = listen(port)
        deployment.start()
        returned.wait_for(1)
    assert returned.requests[0].json == FINDING


@pytest.mark.parametrize("status", [400, 404, 302])
def test_an_output_that_a_webhook_refuses_is_dead_lettered_for_that_webhook_alone(
    deployment: Deployment, webhook: HttpStandIn, listen: Callable[..., HttpStandIn], status: int
) -> None:
    refusing = listen()
    refusing.will(reply(status, Location=webhook.url), reply(200))
    deployment.sink(refusing.url, name="refusing")
    deployment.sink(webhook.url, name="good")
    output(deployment, deployment.start())
    (letter,) = wait_until(lambda: deployment.dead_letters("output"), "the output is dead-lettered")
    assert f"refusing answered {status}" in letter.reason
    assert json.loads(letter.body) == FINDING
    deployment.redrive("output")
    first, second = refusing.wait_for(2)
    wait_until(lambda: deployment.idle("output"), "the redriven output is delivered")
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert len(webhook.requests) == 1


def test_410_disables_the_sink_and_keeps_the_output(deployment: Deployment, webhook: HttpStandIn) -> None:
    webhook.will(reply(410), reply(200))
    deployment.sink(webhook.url, name="gone")
    runtime = deployment.start()
    output(deployment, runtime)
    (letter,) = wait_until(lambda: deployment.dead_letters("output"), "the output is dead-lettered")
    assert "gone answered 410" in letter.reason
    assert [sink.enabled for sink in deployment.sinks()] == [False]
    output(deployment, runtime)
    wait_until(lambda: deployment.idle("output"), "the second output is done with")
    assert len(webhook.requests) == 1


# --- bad outputs ---------------------------------------------------------------------------------------------


def test_outputs_that_cannot_be_taken_are_problems_in_json(deployment: Deployment) -> None:
    runtime = deployment.start()
    rows: list[tuple[bytes, dict[str, str], int]] = [
        (b"{", {}, 400),
        (b"", {}, 400),
        (b"{}", {"X-Request-ID": "x" * 201}, 400),
        (b"{}", {"X-API-Key": ""}, 401),
        (b"{}", {"X-API-Key": "hr_unknown"}, 401),
        (b'"' + b"x" * 256 * 1024 + b'"', {}, 413),
        (b'"' + b"x" * 7 * 1024 * 1024 + b'"', {}, 413),
        (b"[" * 1000 + b"]" * 1000, {}, 400),
    ]
    for body, headers, status in rows:
        answer = deployment.post(runtime, "/internal/agent-output", body, headers)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
        assert answer.json()["status"] == status
        assert answer.json()["detail"]


@pytest.mark.parametrize("payload", [None, 7, "text", [], {}, {"deep": [[{"a": "\u2603"}]]}])
def test_any_json_value_is_an_output(deployment: Deployment, webhook: HttpStandIn, payload: Any) -> None:
    deployment.sink(webhook.url)
    deployment.sink(webhook.url, type="slack")
    output(deployment, deployment.start(), payload)
    webhook.wait_for(2)
    wait_until(lambda: deployment.idle("output"), "the output is delivered")
    assert payload in [request.json for request in webhook.requests]


@pytest.mark.parametrize("depth", [100, 300])
def test_a_deeply_nested_output_is_delivered_or_refused_at_once_and_blocks_no_other(
    deployment: Deployment, webhook: HttpStandIn, depth: int
) -> None:
    deployment.sink(webhook.url)
    runtime = deployment.start()
    deep = b"[" * depth + b"]" * depth
    answer = deployment.post(runtime, "/internal/agent-output", deep)
    output(deployment, runtime)
    expected = 1 + (answer.status_code == 202)
    webhook.wait_for(expected, within=10)
    wait_until(lambda: deployment.idle("output"), "all outputs are done with", within=10)
    assert len(webhook.requests) == expected
