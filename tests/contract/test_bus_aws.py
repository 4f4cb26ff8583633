"""SqsBus keeps the contract in `bus_suite`, on MiniStack: a process of its own, over HTTP, with a clock of the test's.

On AWS Lambda reads the queues. Here `Consumer` does, and hands on what it got as Lambda would: as an event.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from headrace.adapters.bus_sqs import SqsBus
from headrace.domain.errors import NotFound
from headrace.entry.queue import decode_message
from headrace.ports.bus import Received
from tests.contract.bus_suite import RECEIVE_LIMIT, BusContract
from tests.engines.ministack import Ministack, MinistackClock, make_queue, queue_arn


class Consumer(SqsBus):
    """Reads queues and gives messages back as Lambda's event source mappings do."""

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
    """A message as ReceiveMessage gives it, in an event for Lambda
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


@pytest.mark.connected
class TestSqsBus(BusContract):
    @pytest.fixture
    def clock(self, ministack: Ministack) -> MinistackClock:
        return MinistackClock(ministack)

    @pytest.fixture
    def bus(self, clock: MinistackClock) -> Iterator[Consumer]:
        for queue in ("q", "one", "two", "other"):
            make_queue(queue, receive_limit=RECEIVE_LIMIT)
        bus = Consumer(clock, receive_limit=RECEIVE_LIMIT, queue_prefix="gf-ai")
        yield bus
        bus.close()
