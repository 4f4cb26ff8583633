from dataclasses import replace

import pytest

from headrace.api.models import parse
from headrace.errors import InvalidInput
from headrace.ports.program import Transform
from headrace.route.domain.pipeline import Pipeline
from headrace.route.wire.delivery_models import SinkTestIn
from headrace.route.wire.pipeline_models import PipelineIn, PipelineTestIn, TransformIn
from headrace.route.wire.signing_models import NewSecretIn
from headrace.route.wire.sink_models import AppriseIn, SinkIn, SlackIn, WebhookIn

TRANSFORM = {"expression": "body", "output_name": "a.b", "output_type": "string"}
LONG_TRANSFORM = {**TRANSFORM, "expression": "x" * 8192}
WEBHOOK = {"type": "webhook", "url": "https://hooks.example/x"}
SLACK = {"type": "slack", "webhook_url": "https://hooks.slack.com/services/T000/B000/XXXX"}
APPRISE = {"type": "apprise", "url": "mailto://user:password@example.com"}
BODIES = {
    AppriseIn: APPRISE, NewSecretIn: {},
    PipelineIn: {}, PipelineTestIn: {}, TransformIn: TRANSFORM, WebhookIn: WEBHOOK, SlackIn: SLACK, SinkTestIn: {},
}  # fmt: skip

GOOD_URLS = ["http://127.0.0.1:9000/process", "https://user.example/a?b=c#d", "http://[::1]:80/", "HTTP://EXAMPLE/"]
BAD_URLS = [
    "", "banana", "ftp://host/", "http://", "//host/", "http://user:pw@host/", "http://user@host/", "http://h:x/",
    "http://h:99999/", "http://h:0/", "http://[::1", "http://a b/", "http://h/\n", "javascript:alert(1)", 7, ["x"],
    "http://h/" + "x" * 2048,
]  # fmt: skip
GOOD_SLACK_URLS = [
    "https://hooks.slack.com/services/T000/B000/XXXX", "https://hooks.slack-gov.com/services/T000/B000/XXXX",
    "https://chat.example/hooks/abc", "http://127.0.0.1:9000/slack", "http://localhost:9000/", "http://[::1]:80/",
    "***",
]  # fmt: skip
BAD_SLACK_URLS = [
    "http://hooks.slack.com/services/T000/B000/XXXX", "https://hooks.slack.com/", "https://hooks.slack.com/services/T000",
    "https://acme.slack.com/services/T000/B000/XXXX", "https://slack.com/", "http://chat.example/hooks/abc",
    "http://127.0.0.1.example/",
]  # fmt: skip
GOOD_SECRETS = [None, "***", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "x" * 24, "x" * 256]
BAD_SECRETS = ["", "x" * 23, "x" * 257, "whsec_", "whsec_dGVzdA==", "whsec_!" + "x" * 32, "é" * 24, "x " * 24, 7]
NESTED = {"a": []}
for _ in range(300):
    NESTED = {"a": [NESTED]}

BOUNDS = [
    (PipelineIn, "batch_size", [1, 1000], [0, 1001, "10", 1.5, True, None]),
    (PipelineIn, "batch_window_ms", [0, 300_000], [-1, 300_001, "1", None]),
    (PipelineIn, "timeout_seconds", [1, 240, 1.5], [0.9, 241, "30", None]),
    (PipelineIn, "max_concurrency", [1, 100], [0, 101, None]),
    (PipelineIn, "enabled", [True, False], ["true", 1, None]),
    (PipelineIn, "signals", [["logs"], ["logs", "traces", "metrics"]], [[], ["log"], "logs", None]),
    (PipelineIn, "on_error", ["drop", "forward", "dead_letter"], ["", "retry", None]),
    (PipelineIn, "filter", [None, "x", "x" * 8192], ["", "x" * 8193, 7]),
    (PipelineIn, "transforms", [[], [TRANSFORM] * 50, [LONG_TRANSFORM] * 32],
     [[TRANSFORM] * 51, [LONG_TRANSFORM] * 33, {}, ["x"], None]),
    (PipelineIn, "agent_endpoint", [None, "", *GOOD_URLS], [url for url in BAD_URLS if url != ""]),
    (PipelineIn, "signing_secret", GOOD_SECRETS, BAD_SECRETS),
    (PipelineTestIn, "records", [[], [{}] * 100, [{"a": "x" * 260_000}]],
     [[{}] * 101, [7], {}, None, [{"a": "x" * 262_144}], [{"a": "x" * 140_000}] * 2, [NESTED]]),
    (PipelineTestIn, "transforms", [[], [TRANSFORM] * 50], [[TRANSFORM] * 51, [LONG_TRANSFORM] * 33, None]),
    (SinkTestIn, "payload", [None, 7, "text", {"a": [1]}, "x" * 262_142], ["x" * 262_143, NESTED]),
    (SinkTestIn, "dry_run", [True, False], ["yes", 1, None]),
    (TransformIn, "expression", ["x"], ["", "x" * 8193, None]),
    (TransformIn, "output_name", ["a", "a.b.c", "ü", "a-b", "x" * 200],
     ["", ".a", "a.", "a..b", "a b", "a\n", "x" * 201]),
    (TransformIn, "output_type", ["string", "int", "int64", "float64", "bool", "json"], ["", "str", "number", None]),
    (WebhookIn, "url", GOOD_URLS, [*BAD_URLS, None]),
    (WebhookIn, "method", ["POST", "PUT", "PATCH"], ["GET", "post", "DELETE", None]),
    (WebhookIn, "name", ["", "x" * 100], ["x" * 101, 7]),
    (WebhookIn, "timeout_seconds", [1, 60], [0, 61]),
    (WebhookIn, "headers", [{}, {"X-A": ""}, {"X-A": "a\tb ~"}, {f"X-{n}": "v" for n in range(20)}],
     [{"X A": "v"}, {"": "v"}, {"X:": "v"}, {"X": "a\r\nY: b"}, {"X": "é"}, {"X": 7}, {"X": "v" * 4097},
      {f"X-{n}": "v" for n in range(21)}, {"X": " v"}, {"X": "v "}, {"X": "\t"}, {"X-A": "1", "x-a": "2"},
      {"Host": "v"},
      {"CONTENT-LENGTH": "1"}, {"content-type": "v"}, {"Transfer-Encoding": "chunked"}, {"Connection": "close"},
      {"webhook-id": "v"}, {"Webhook-Anything": "v"}, {"x-project-id": "v"}, {"X-Request-ID": "v"}]),
    (WebhookIn, "signing_secret", GOOD_SECRETS, BAD_SECRETS),
    (SlackIn, "webhook_url", GOOD_SLACK_URLS, [*BAD_URLS, *BAD_SLACK_URLS, None]),
    (SlackIn, "template", [None, "x"], ["", 7]),
    (AppriseIn, "url", ["mailto://a", "discord://1/2?x=y", "https://discord.com/api/webhooks/1/2", "***"],
     ["", "mailto", "a b://c", "json://a\n", "json://a\x00", "x" * 2049, 7, None]),
    (AppriseIn, "timeout_seconds", [1, 60], [0.5, 60.5]),
    (NewSecretIn, "signing_secret", [None, *GOOD_SECRETS], [each for each in BAD_SECRETS if each is not None]),
    (NewSecretIn, "old_valid_seconds", [0, 2_592_000], [-1, 2_592_001, 1.5, "1", None]),
    (SlackIn, "timeout_seconds", [1, 60], [0.5, 60.5]),
]  # fmt: skip
CASES = [(model, name, value) for model, name, goods, _ in BOUNDS for value in goods]
REFUSED = [(model, name, value) for model, name, _, bads in BOUNDS for value in bads]


def label(value):
    return getattr(value, "__name__", None) or ascii(value)[:30]


@pytest.mark.parametrize(("model", "name", "value"), CASES, ids=label)
def test_values_up_to_the_bounds_are_taken(model, name, value):
    parse(model, {**BODIES[model], name: value})


@pytest.mark.parametrize(("model", "name", "value"), REFUSED, ids=label)
def test_values_beyond_the_bounds_are_refused_by_the_name_of_the_field(model, name, value):
    with pytest.raises(InvalidInput) as caught:
        parse(model, {**BODIES[model], name: value})
    assert caught.value.field.split(".")[0] == name
    assert name in str(caught.value)


@pytest.mark.parametrize("model", BODIES, ids=label)
def test_an_unknown_field_is_refused_by_its_name(model):
    with pytest.raises(InvalidInput) as caught:
        parse(model, {**BODIES[model], "batchsize": 10})
    assert caught.value.field == "batchsize"


@pytest.mark.parametrize("model", BODIES, ids=label)
@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_what_is_no_object_is_refused(model, body):
    with pytest.raises(InvalidInput):
        parse(model, body)


@pytest.mark.parametrize(("model", "name"), [(TransformIn, "expression"), (WebhookIn, "url"), (SlackIn, "webhook_url")])
def test_a_missing_field_is_named(model, name):
    with pytest.raises(InvalidInput) as caught:
        parse(model, {key: value for key, value in BODIES[model].items() if key != name})
    assert caught.value.field == name


def test_more_than_one_mistake_is_counted():
    with pytest.raises(InvalidInput, match=r"\(and 1 more\)"):
        parse(PipelineIn, {"batch_size": 0, "max_concurrency": 0})


def test_an_empty_body_is_the_default_pipeline():
    assert parse(PipelineIn, {}).to_domain() == Pipeline()


def test_an_empty_endpoint_is_none():
    assert parse(PipelineIn, {"agent_endpoint": ""}).to_domain().agent_endpoint is None


def test_a_pipeline_becomes_what_it_says():
    body = {"filter": "f", "transforms": [TRANSFORM], "signals": ["traces", "logs", "traces"], "batch_window_ms": 1500}
    pipeline = parse(PipelineIn, body).to_domain()
    assert pipeline.program.transforms == (Transform("body", "a.b", "string"),)
    assert (pipeline.program.filter, pipeline.signals) == ("f", ("traces", "logs"))
    assert pipeline.batch_window.total_seconds() == 1.5


@pytest.mark.parametrize(("body", "url"), [(WEBHOOK, WEBHOOK["url"]), (SLACK, SLACK["webhook_url"])])
def test_a_sink_is_told_by_its_type(body, url):
    sink = parse(SinkIn, {**body, "filter": "f", "template": "t", "timeout_seconds": 7}).root.to_domain("s")
    assert (sink.id, sink.type, sink.url, sink.filter, sink.template) == ("s", body["type"], url, "f", "t")
    assert sink.timeout.total_seconds() == 7


@pytest.mark.parametrize("kind", [None, "email", "Webhook"])
def test_another_type_of_sink_is_refused(kind):
    with pytest.raises(InvalidInput, match="'webhook', 'slack'") as caught:
        parse(SinkIn, {**WEBHOOK, "type": kind})
    assert caught.value.field == "type"


def test_a_sink_without_a_type_is_told_so():
    with pytest.raises(InvalidInput, match="missing") as caught:
        parse(SinkIn, {"url": "http://x/"})
    assert caught.value.field == "type"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"url": 7}, "url"), ({"batchsize": 1}, "batchsize"), ({"headers": {"Host": "x"}}, "headers.Host")],
)
def test_a_wrong_field_of_a_sink_has_the_name_that_was_sent(wrong, field):
    with pytest.raises(InvalidInput) as caught:
        parse(SinkIn, {**WEBHOOK, **wrong})
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_a_pipeline_described_and_read_again_is_the_same_but_for_its_secret():
    body = {"filter": "f", "transforms": [TRANSFORM], "batch_window_ms": 1500, "signing_secret": "x" * 24}
    pipeline = parse(PipelineIn, body).to_domain()
    again = PipelineIn.of(pipeline).to_domain()
    assert again.signing_secret == "***"
    assert replace(again, signing_secret="x" * 24) == pipeline
