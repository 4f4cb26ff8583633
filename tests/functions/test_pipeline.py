"""The door of the raw queue: SQS events in, requests to the agent out, partial batch failures back."""

import orjson
import pytest

from functions.pipeline.handler import handler
from functions.receiver.handler import handler as receiver
from headrace import bootstrap
from headrace.errors import Unavailable
from headrace.ports.program import Transform
from tests.functions.conftest import as_sqs, new_project
from tests.functions.events import Context, http_event, sqs_event, sqs_record
from tests.functions.otlp import JSON, as_json, logs


def receive(project, *bodies, **fields):
    """The messages that the receiver makes of one request."""
    event = http_event("POST", "/v1/logs", {**JSON, "X-API-Key": project.key}, as_json(logs(*bodies, **fields)))
    assert receiver(event, Context())["statusCode"] == 200
    return as_sqs(project.take("raw"))


def work(*records, context=None):
    """The ids of the messages that the engine has to deliver again."""
    answer = handler(sqs_event(*records), context or Context())
    assert set(answer) == {"batchItemFailures"}
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_records_are_filtered_transformed_and_sent_to_the_agent_in_one_request(project, outbound):
    project.pipeline(Transform("$uppercase(body)", "shout", "string"), filter='body != "noise"')
    assert work(*receive(project, "one", "noise"), *receive(project, "two")) == []
    (request,) = outbound.requests
    assert (request.url, request.headers["X-Project-ID"]) == ("http://agent.test/process", project.id)
    assert [(each["body"], each["shout"]) for each in outbound.bodies[0]] == [("one", "ONE"), ("two", "TWO")]
    assert project.counts == {"accepted": 3, "filtered": 1, "delivered": 2}


def test_an_event_may_hold_messages_of_several_projects(project, outbound):
    other = new_project()
    project.pipeline(agent_endpoint="http://one.test/")
    other.pipeline(agent_endpoint="http://two.test/")
    assert work(*receive(project, "mine"), *receive(other, "theirs")) == []
    sent = {request.url: [record["body"] for record in orjson.loads(request.body)] for request in outbound.requests}
    assert sent == {"http://one.test/": ["mine"], "http://two.test/": ["theirs"]}


def test_a_batch_that_has_to_wait_is_stored_again_and_its_messages_are_done_with(project, outbound):
    outbound.will(500)
    project.pipeline()
    assert work(*receive(project, "one")) == []
    assert (project.depth("raw"), project.counts) == (1, {"accepted": 1})


@pytest.mark.parametrize("status", [404, 301])
def test_a_batch_that_the_agent_refuses_is_a_dead_letter_with_the_reason(project, outbound, status):
    outbound.will(status)
    project.pipeline()
    assert work(*receive(project, "one")) == []
    ((records, reason),) = project.dead_letters("raw")
    assert ([each["body"] for each in records], str(status) in reason) == (["one"], True)
    assert {"accepted": 1, "dead_lettered": 1}.items() <= project.counts.items()


def test_a_message_that_cannot_be_read_is_a_dead_letter_and_its_neighbours_are_delivered(project, outbound):
    project.pipeline()
    odd = sqs_record("odd", project.queue("raw"), '"no records"', {"project_id": project.id, "signal": "logs"})
    assert work(odd, *receive(project, "one")) == []
    assert [each["body"] for each in outbound.bodies[0]] == ["one"]
    assert [body for body, _ in project.dead_letters("raw")] == ["no records"]


@pytest.mark.parametrize("pipeline", [{"agent_endpoint": None}, {"enabled": False}])
def test_messages_of_a_pipeline_that_is_off_all_come_back(project, outbound, pipeline):
    project.pipeline(**pipeline)
    messages = [*receive(project, "one"), *receive(project, "two")]
    assert work(*messages) == [each["messageId"] for each in messages]
    assert outbound.requests == []
    assert (project.depth("raw"), project.take("raw")) == (2, [])


def test_of_two_projects_only_the_messages_of_the_one_that_is_off_come_back(project, outbound):
    off = new_project()
    project.pipeline()
    kept = receive(off, "later")
    assert work(*receive(project, "now"), *kept) == [kept[0]["messageId"]]
    assert len(outbound.requests) == 1


def test_when_the_bus_cannot_keep_a_failed_batch_its_messages_come_back(project, outbound, monkeypatch):
    outbound.will(500)
    project.pipeline()
    messages = receive(project, "one")

    def down(*_, **__):
        raise Unavailable("down")

    monkeypatch.setattr(bootstrap.bus(), "publish", down)
    assert work(*messages) == [messages[0]["messageId"]]


def test_when_the_tables_are_down_the_whole_event_comes_back(project, outbound, broken):
    messages = [*receive(project, "one"), *receive(project, "two")]
    broken("store")
    assert work(*messages) == [each["messageId"] for each in messages]


def test_a_fault_that_nobody_expected_brings_the_whole_event_back(project, outbound, surprises):
    outbound.will(ZeroDivisionError("a bug"))
    project.pipeline()
    messages = receive(project, "one")
    assert work(*messages) == [messages[0]["messageId"]]
    assert surprises.pop() == "event_failed"


def test_without_time_left_nothing_is_begun_and_nothing_lost(project, outbound):
    project.pipeline()
    assert work(*receive(project, "one"), context=Context(remaining_ms=1000)) == []
    assert outbound.requests == []
    assert [record["body"] for record in project.records()] == ["one"]
