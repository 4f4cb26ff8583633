"""The door of the output queue: SQS events in, requests to webhooks and Slack out, partial batch failures back."""

import pytest

from functions.agent_output.handler import handler as agent_output
from functions.sink.handler import handler
from headrace import bootstrap
from headrace.errors import Unavailable
from headrace.ports.bus import Message
from headrace.ports.outbound import OutboundResponse
from tests.functions.conftest import as_sqs
from tests.functions.events import Context, http_event, sqs_event, sqs_record


def accept(project, body=b'{"title": "x"}'):
    """The message that an agent's answer becomes."""
    headers = {"X-API-Key": project.key, "X-Request-ID": "batch-7"}
    event = http_event("POST", "/internal/agent-output", headers, body)
    assert agent_output(event, Context())["statusCode"] == 202
    return as_sqs(project.take("output"))


def work(*records, context=None):
    answer = handler(sqs_event(*records), context or Context())
    assert set(answer) == {"batchItemFailures"}
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_an_output_goes_to_every_sink_that_is_on(project, outbound):
    for name, enabled in (("one", True), ("two", True), ("off", False)):
        project.sink(name, enabled=enabled)
    assert work(*accept(project)) == []
    assert sorted(request.url for request in outbound.requests) == ["http://one.test/", "http://two.test/"]
    assert outbound.bodies == [{"title": "x"}] * 2
    assert {request.headers["X-Request-ID"] for request in outbound.requests} == {"batch-7"}
    assert project.counts == {"outputs": 1, "sink_deliveries": 2}


def test_filter_and_template_of_a_sink_are_its_own(project, outbound):
    project.sink("shaped", template='{"text": title}')
    project.sink("picky", filter='severity = "critical"')
    assert work(*accept(project)) == []
    assert ([request.url for request in outbound.requests], outbound.bodies) == (
        ["http://shaped.test/"],
        [{"text": "x"}],
    )


def test_slack_gets_a_text(project, outbound):
    project.sink(type="slack")
    assert work(*accept(project)) == []
    assert "x" in outbound.bodies[0]["text"]


def test_without_a_sink_an_output_is_done_with(project, outbound):
    assert work(*accept(project)) == []
    assert (outbound.requests, project.depth("output")) == ([], 0)


def test_a_sink_that_fails_gets_a_message_of_its_own_and_the_others_theirs_once(project, outbound):
    project.sink("one")
    project.sink("two")
    outbound.will(lambda request: OutboundResponse(500 if "one" in request.url else 200, {}, b""))
    assert work(*accept(project)) == []
    assert len(outbound.requests) == 2
    assert project.depth("output") == 1
    assert project.counts == {"outputs": 1, "sink_deliveries": 1}


@pytest.mark.parametrize("status", [404, 302, 410])
def test_a_refusal_is_a_dead_letter_with_the_reason_and_410_switches_the_sink_off(project, outbound, status):
    project.sink()
    outbound.will(status)
    assert work(*accept(project)) == []
    ((payload, reason),) = project.dead_letters("output")
    assert (payload, str(status) in reason) == ({"title": "x"}, True)
    (sink,) = bootstrap.configuration().sinks(project.id)
    assert sink.enabled == (status != 410)


def test_a_message_that_cannot_be_read_is_a_dead_letter_and_its_neighbours_are_delivered(project, outbound):
    project.sink()
    odd = sqs_record("odd", project.queue("output"), "{", {"project_id": project.id})
    assert work(odd, *accept(project)) == []
    assert outbound.bodies == [{"title": "x"}]
    assert bootstrap.bus().stats(project.queue("output")).dead_letters == 1


def test_a_delivery_that_fails_again_comes_back_by_its_own_id_alone(project, outbound):
    sink = project.sink()
    own = {"project_id": project.id, "sink_id": sink.id, "output_id": "o", "attempts": "1"}
    bootstrap.bus().publish(project.queue("output"), [Message('{"title": "old"}', own)])
    (again,) = as_sqs(project.take("output"))
    outbound.will(lambda request: OutboundResponse(503 if b"old" in request.body else 200, {}, b""))
    assert work(again, *accept(project)) == [again["messageId"]]
    assert project.counts == {"outputs": 1, "sink_deliveries": 1}


def test_when_the_bus_cannot_keep_a_failed_delivery_its_output_comes_back(project, outbound, monkeypatch):
    project.sink()
    outbound.will(500)
    messages = accept(project)

    def down(*_, **__):
        raise Unavailable("down")

    monkeypatch.setattr(bootstrap.bus(), "publish", down)
    assert work(*messages) == [messages[0]["messageId"]]


def test_when_the_tables_are_down_the_whole_event_comes_back(project, outbound, broken):
    messages = [*accept(project), *accept(project)]
    broken("store")
    assert work(*messages) == [each["messageId"] for each in messages]


def test_without_time_left_nothing_is_begun_and_nothing_lost(project, outbound):
    project.sink()
    assert work(*accept(project), context=Context(remaining_ms=1000)) == []
    assert (outbound.requests, project.depth("output")) == ([], 1)
