"""SQS-shaped events ↔ plain calls. Every engine calls a queue function with such an event and honours its answer."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from chalice.app import Chalice, SQSEvent

from headrace import events
from headrace.entry.collector import look_less_often
from headrace.errors import Unavailable
from headrace.observability import crash, warn
from headrace.ports.bus import Received
from headrace.ports.queue_text import decode_text, encode_mark
from headrace.times import SECOND_NANO

Remaining = Callable[[], timedelta]
Work = Callable[[Sequence[Received], Remaining], Sequence[str]]
"""`(messages, remaining time) -> ids of the messages that must come back`"""

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

_OLD = timedelta(minutes=5)
"""What is tried again and again for this long deserves to be told."""


def door(name: str, work: Work) -> Handler:
    """A queue function: call it with an SQS event, get the items that failed (ReportBatchItemFailures)."""
    look_less_often()
    chalice = Chalice(app_name=name)

    def view(event: SQSEvent) -> dict[str, Any]:
        messages = [decode_message(record) for record in event.to_dict()["Records"]]
        _tell_of_age(name, messages)
        return encode_failures(_failed(name, work, messages, _remaining(event.context)))

    view.__name__ = name
    made = chalice.on_sqs_message(queue=name, name=name)(view)
    made.middleware_handlers = ()  # else a generator, which two threads cannot read at once
    handler: Handler = made
    return handler


def _failed(name: str, work: Work, messages: Sequence[Received], remaining: Remaining) -> Sequence[str]:
    """An error that `work` lets through says nothing about single messages, so all of them come back."""
    try:
        return work(messages, remaining)
    except Unavailable as problem:
        warn(events.EventReturned(function=name, messages=len(messages), reason=str(problem)))
    except Exception:  # noqa: BLE001 - the last line: one bad event must not stop the queue
        crash(events.EventFailed(function=name, messages=len(messages)))
    return [message.id for message in messages]


def _tell_of_age(name: str, messages: Sequence[Received]) -> None:
    """Since what a message carries was received: a message that is sent again for another try is no new one."""
    age = timedelta(seconds=time.time() - min((_received_at(message) for message in messages), default=time.time()))
    if age >= _OLD:
        warn(events.OldMessages(function=name, queue=messages[0].queue, age_seconds=round(age.total_seconds())))


def _received_at(message: Received) -> float:
    """Seconds since 1970; of a message that does not say so, when it was sent."""
    received = message.attributes.get("received_unix_nano", "")
    return (int(received) if received.isdecimal() else message.sent_unix_nano) / SECOND_NANO


def decode_message(record: Mapping[str, Any]) -> Received:
    """One record of an SQS event."""
    system = record["attributes"]
    return Received(
        id=record["messageId"],
        queue=record["eventSourceARN"].rpartition(":")[2],
        body=decode_text(record["body"]),
        attributes={
            name: decode_text(value["stringValue"]) for name, value in record.get("messageAttributes", {}).items()
        },
        receive_count=int(system["ApproximateReceiveCount"]),
        receipt=record["receiptHandle"],
        sent_unix_nano=int(system["SentTimestamp"]) * 1_000_000,
    )


def encode_event(messages: Sequence[Received]) -> dict[str, Any]:
    """The event that Lambda would make of `messages`, for engines that have no Lambda."""
    return {"Records": [_record(message) for message in messages]}


def encode_failures(ids: Sequence[str]) -> dict[str, Any]:
    """The answer that makes the engine deliver just these messages again."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in ids]}


def decode_failures(answer: Any, messages: Sequence[Received]) -> list[Received]:
    """The messages of an event that failed. An answer that names an unknown message fails them all, as on AWS."""
    if not isinstance(answer, Mapping):
        return []
    by_id = {message.id: message for message in messages}
    names = [each.get("itemIdentifier") for each in answer.get("batchItemFailures") or ()]
    if any(name not in by_id for name in names):
        return list(messages)
    return [by_id[name] for name in names]


def _record(message: Received) -> dict[str, Any]:
    sent_ms = str(message.sent_unix_nano // 1_000_000)
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": encode_mark(message.body),
        "attributes": {
            "ApproximateReceiveCount": str(message.receive_count),
            "ApproximateFirstReceiveTimestamp": sent_ms,
            "SenderId": "headrace",
            "SentTimestamp": sent_ms,
        },
        "messageAttributes": {
            name: {
                "stringValue": encode_mark(value),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            }
            for name, value in message.attributes.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:local:000000000000:{message.queue}",
        "awsRegion": "local",
    }


def _remaining(context: Any) -> Remaining:
    return lambda: timedelta(milliseconds=context.get_remaining_time_in_millis())
