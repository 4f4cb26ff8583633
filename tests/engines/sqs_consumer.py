"""Reads SQS queues in Lambda's place, for tests of the bus alone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from headrace.adapters.bus_sqs import SqsBus
from headrace.entry.queue import decode_message
from headrace.errors import NotFound
from headrace.ports.bus import Received
from tests.engines.ministack import queue_arn


class Consumer(SqsBus):
    """An SqsBus that also delivers. What it delivers went through an event as Lambda makes them."""

    def receive(self, queue: str, *, limit: int, lease: timedelta) -> list[Received]:
        taken: list[Received] = []
        messages = None
        while len(taken) < limit and messages != []:
            try:
                messages = self._queues.receive(queue, hidden_s=lease // timedelta(seconds=1), wait_s=0)
            except NotFound:
                return []
            taken += [decode_message(event_record(message, queue)) for message in messages]
        self._queues.hide(queue, [message.receipt for message in taken[limit:]], 0)
        return taken[:limit]

    def acknowledge(self, messages: Sequence[Received]) -> None:
        for message in messages:
            self._queues.delete(message.queue, [message.receipt])


def event_record(message: dict[str, Any], queue: str) -> dict[str, Any]:
    """A message as ReceiveMessage gives it, as a record of Lambda's event
    (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {
                "stringValue": value["StringValue"],
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn(queue),
        "awsRegion": "eu-west-1",
    }
