"""The door of the spans queue: SQS events in, runs in the table, partial batch failures back."""

import orjson

from functions.receiver.handler import handler as receiver
from functions.traces.handler import handler
from headrace import bootstrap
from headrace.ports.table import Range
from headrace.trace.wire import run_items
from tests.functions.conftest import as_sqs
from tests.functions.events import Context, http_event, sqs_event
from tests.functions.otlp import JSON, SPAN, TRACES, as_json


def accept(project):
    """The messages that a request with one span becomes."""
    event = http_event("POST", "/v1/traces", {**JSON, "X-API-Key": project.key}, as_json(TRACES))
    assert receiver(event, Context())["statusCode"] == 200
    return as_sqs(project.take("spans"))


def runs(project):
    page = bootstrap.table("telemetry").query(Range(run_items.runs_pk(project.id), prefix=run_items.TIME_PREFIX))
    return [run_items.decode_entry(item)["trace_id"] for item in page.items]


def test_spans_become_runs_and_their_message_is_done(project):
    records = accept(project)
    for _ in range(2):  # delivered twice
        assert handler(sqs_event(*records), Context()) == {"batchItemFailures": []}
    assert runs(project) == [SPAN["traceId"]]


def test_when_the_table_is_down_all_messages_come_back(project, broken):
    records = accept(project)
    broken("store")
    failed = handler(sqs_event(*records), Context())["batchItemFailures"]
    assert [each["itemIdentifier"] for each in failed] == [records[0]["messageId"]]


def test_a_message_that_is_not_ours_is_a_dead_letter(project):
    (record,) = accept(project)
    assert handler(sqs_event({**record, "body": orjson.dumps("x").decode()}), Context()) == {"batchItemFailures": []}
    (letter,) = bootstrap.bus().dead_letters(project.queue("spans")).items
    assert (letter.body, "not base64" in letter.reason) == ('"x"', True)
