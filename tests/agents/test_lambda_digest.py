"""The agent that is one Lambda function: its handler with events as AWS sends them, and its template."""

import base64
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from standardwebhooks import Webhook

from headrace.route.wire.slack import encode_slack
from tests.agents.agent_process import ACCEPTED, KEY, base_url, receiving
from tests.fakes.http import HttpStandIn, hang_up, nobody, reply

FOLDER = Path(__file__).parents[2] / "agents" / "lambda-digest"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MODULES = ("handler", "digest")
RECORDS = [
    {"resourceAttributes": {"service.name": "payment"}, "severityNumber": 17, "body": "refused"},
    {"resourceAttributes": {"service.name": "cart"}, "severityNumber": 21, "body": "dead"},
    {"resourceAttributes": {"service.name": "payment"}, "severityNumber": 18, "body": "refused ☹"},
    {"resourceAttributes": {"service.name": "payment"}, "severityNumber": 13, "body": "slow"},
]

Event = dict[str, Any]
Handler = Callable[[Event, object], dict[str, Any]]


@pytest.fixture
def headrace() -> Iterator[HttpStandIn]:
    with receiving() as stand_in:
        yield stand_in


@pytest.fixture
def handler(headrace: HttpStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Handler]:
    """The handler of an instance that starts cold."""
    monkeypatch.setenv("HEADRACE_ENDPOINT", base_url(headrace))
    monkeypatch.setenv("HEADRACE_API_KEY", KEY)
    monkeypatch.setenv("HEADRACE_SIGNING_SECRET", f"whsec_bmV3 {SECRET}")
    monkeypatch.syspath_prepend(FOLDER / "function")
    module = importlib.import_module("handler")
    yield module.handler
    module._headrace().close()
    for name in MODULES:
        del sys.modules[name]


def signed(body: str, secret: str = SECRET) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "content-type": "application/json",
        "x-project-id": "p1",
        "x-request-id": "batch-7",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, body),
    }


def function_url_event(body: str, headers: dict[str, str]) -> Event:
    """https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"},
            "requestId": "1-2-3",
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": 1583348638390,
        },
        "body": body,
        "isBase64Encoded": False,
    }


def base64_event(body: str, headers: dict[str, str]) -> Event:
    """The same where the body counts as binary."""
    event = function_url_event(body, headers)
    return {**event, "body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True}


def rest_api_event(body: str, headers: dict[str, str]) -> Event:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html."""
    return {
        "resource": "/process",
        "path": "/process",
        "httpMethod": "POST",
        "headers": {name.title(): value for name, value in headers.items()},
        "multiValueHeaders": {name.title(): [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "requestContext": {"stage": "prod", "httpMethod": "POST"},
        "body": body,
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("event", [function_url_event, base64_event, rest_api_event])
def test_a_signed_batch_becomes_a_digest_that_is_sent_before_the_answer(
    handler: Handler, headrace: HttpStandIn, event: Callable[[str, dict[str, str]], Event]
) -> None:
    body = json.dumps(RECORDS, ensure_ascii=False)
    answer = handler(event(body, signed(body)), None)
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"detail": "accepted"})
    (sent,) = headrace.requests
    assert (sent.headers["X-API-Key"], sent.headers["X-Request-ID"]) == (KEY, "batch-7")
    assert sent.json == {
        "title": "4 records from 2 services",
        "severity": "critical",
        "summary": "payment (3), cart (1)",
        "count": 4,
        "groups": [
            {"title": "payment", "severity": "warning", "count": 3, "by_severity": {"ERROR": 2, "WARN": 1}},
            {"title": "cart", "severity": "critical", "count": 1, "by_severity": {"FATAL": 1}},
        ],
    }
    assert "payment" in encode_slack(sent.json, None, "batch-7").decode()


def test_what_headrace_did_not_sign_is_refused_and_nothing_is_sent(handler: Handler, headrace: HttpStandIn) -> None:
    body = json.dumps(RECORDS)
    for headers in ({}, signed(body, "whsec_b3RoZXI="), signed("[]")):
        assert handler(function_url_event(body, headers), None)["statusCode"] == 401
    assert handler({"headers": None, "body": None}, None)["statusCode"] == 401
    assert headrace.requests == []


@pytest.mark.parametrize("body", ["", "{", "{}", "[1]", "[" * 100_000, '"text"'])
def test_a_signed_body_that_is_no_batch_is_refused(handler: Handler, headrace: HttpStandIn, body: str) -> None:
    assert handler(function_url_event(body, signed(body)), None)["statusCode"] == 400
    assert headrace.requests == []


@pytest.mark.parametrize(
    ("records", "title", "severity"),
    [
        ([], "0 records from 0 services", "informational"),
        ([{}], "1 record from 1 service", "informational"),
        ([{"severityNumber": "x", "resourceAttributes": 7}], "1 record from 1 service", "informational"),
        ([{"resourceAttributes": {"service.name": "\ud800"}}], "1 record from 1 service", "informational"),
        ([{"resourceAttributes": {"service.name": f"s{n}" * 500}} for n in range(999)], "999 records from 999 services",
         "informational"),
    ],
)  # fmt: skip
def test_odd_and_huge_batches_have_a_digest_too(
    handler: Handler, headrace: HttpStandIn, records: list[Any], title: str, severity: str
) -> None:
    body = json.dumps(records)
    assert handler(function_url_event(body, signed(body)), None)["statusCode"] == 200
    (sent,) = headrace.requests
    assert (sent.json["title"], sent.json["severity"]) == (title, severity)


@pytest.mark.parametrize(
    ("answers", "retry_after"),
    [([reply(503)], "10"), ([hang_up], "10"), ([reply(429, Retry_After="60")], "60"), ([reply(401)], "10")],
)
def test_a_digest_that_cannot_be_sent_makes_headrace_send_the_batch_again(
    handler: Handler, headrace: HttpStandIn, answers: list[Any], retry_after: str
) -> None:
    headrace.will(*answers)
    body = json.dumps(RECORDS)
    answer = handler(function_url_event(body, signed(body)), None)
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, retry_after)
    headrace.will(ACCEPTED)
    assert handler(function_url_event(body, signed(body)), None)["statusCode"] == 200


def test_a_headrace_that_is_not_there_is_answered_in_time(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps(RECORDS)
    with nobody() as port:
        monkeypatch.setenv("HEADRACE_ENDPOINT", f"http://127.0.0.1:{port}")
        assert handler(function_url_event(body, signed(body)), None)["statusCode"] == 503


# --- the template ------------------------------------------------------------------------------------------------


def test_the_template_runs_the_handler_and_its_requirements_are_there() -> None:
    text = (FOLDER / "template.yaml").read_text().replace("!Ref ", "").replace("!GetAtt ", "")
    function = yaml.safe_load(text)["Resources"]["DigestFunction"]["Properties"]
    module, name = function["Handler"].split(".")
    assert f"def {name}(" in (FOLDER / function["CodeUri"] / f"{module}.py").read_text()
    *_, requirement = (FOLDER / function["CodeUri"] / "requirements.txt").read_text().split()
    assert (FOLDER / requirement / "pyproject.toml").exists()
    assert function["Timeout"] < 30
