"""The whole way with real parts: OTLP in, the bundled agent in its own process, its summary in webhook and Slack."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from tests.agents.agent_process import running
from tests.agents.stand_in_model import ENRICHMENT, answering
from tests.fakes.http import HttpStandIn, listening
from tests.flow.deployment import Deployment
from tests.flow.logs import KEEP_ERRORS, log_record, logs_of
from tests.flow.process import Runtime
from tests.flow.waiting import wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOGS = logs_of(
    log_record("Connection refused: database pool exhausted", traceId="a" * 32),
    log_record("Payment accepted", severity=9),
    log_record("Connection refused: database pool exhausted"),
)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path)
    yield made
    made.close()


@pytest.fixture
def webhook() -> Iterator[HttpStandIn]:
    with listening() as stand_in:
        yield stand_in


@pytest.fixture
def slack() -> Iterator[HttpStandIn]:
    with listening() as stand_in:
        yield stand_in


def send_logs(deployment: Deployment, runtime: Runtime, agent_url: str) -> None:
    deployment.pipeline(f"{agent_url}/process", filter=KEEP_ERRORS, signing_secret=SECRET)
    assert deployment.post(runtime, "/v1/logs", LOGS).status_code == 200


def test_errors_become_one_summary_by_rules_in_a_signed_webhook_and_in_slack(
    deployment: Deployment, webhook: HttpStandIn, slack: HttpStandIn
) -> None:
    deployment.sink(webhook.url, signing_secret=SECRET)
    deployment.sink(slack.url, type="slack")
    runtime = deployment.start()
    settings = {"HEADRACE_API_KEY": deployment.key, "HEADRACE_SIGNING_SECRET": SECRET}
    with running(runtime.url, **settings) as agent:
        send_logs(deployment, runtime, agent.url)
        (delivered,), (message,) = webhook.wait_for(1), slack.wait_for(1)
        wait_until(lambda: deployment.idle("raw") and deployment.idle("output"), "all is done with")
    summary = Webhook(SECRET).verify(delivered.body, dict(delivered.headers.items()))
    assert (summary["title"], summary["mode"]) == ("ConnectionPoolExhausted in payment-service", "offline")
    assert (summary["count"], summary["groups"][0]["trace_ids"]) == (2, ["a" * 32])
    assert "ConnectionPoolExhausted in payment-service" in message.json["text"]
    assert summary["groups"][0]["message"] in json.dumps(message.json, ensure_ascii=False)


def test_errors_become_the_models_summary(deployment: Deployment, webhook: HttpStandIn) -> None:
    deployment.sink(webhook.url)
    runtime = deployment.start()
    with answering() as model:
        settings = {"HEADRACE_API_KEY": deployment.key, "HEADRACE_SIGNING_SECRET": SECRET}
        online = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": model.base_url}
        with running(runtime.url, **settings, **online) as agent:
            send_logs(deployment, runtime, agent.url)
            (delivered,) = webhook.wait_for(1)
            wait_until(lambda: deployment.idle("raw") and deployment.idle("output"), "all is done with")
    assert (delivered.json["mode"], delivered.json["summary"]) == ("online", ENRICHMENT["summary"])
