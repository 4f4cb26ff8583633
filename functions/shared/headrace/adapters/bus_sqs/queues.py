"""SQS queues by name: every call that the bus makes, in batches within the limits of SQS, one by one retried.

Limits: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.adapters.aws_client import AwsClient, Refused, code_of
from headrace.errors import NotFound, TooLarge, Unavailable
from headrace.ports.bus import Message
from headrace.ports.queue_text import encode_text

BATCH = 10
MESSAGE_LIMIT_BYTES = 1024 * 1024
"""Of one message with its attributes, and of all messages in one call."""
LARGEST_BODY_BYTES = MESSAGE_LIMIT_BYTES - 16 * 1024
"""Of a body that leaves room for attributes and for the reason of a death."""

_ATTEMPTS = 4
_COUNTS = (  # in the order of the fields of Counts
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
_NO_QUEUE = frozenset({"QueueDoesNotExist", "NonExistentQueue"})

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages of one queue, as SQS estimates them."""

    visible: int
    delayed: int
    in_flight: int


class Queues:
    """Every method raises NotFound for a queue that does not exist, and Unavailable as `AwsClient.call` does."""

    def __init__(self, region: str) -> None:
        self._sqs = AwsClient("sqs", what="the bus", region=region)
        self._urls: dict[str, str] = {}

    def exists(self, queue: str) -> bool:
        """Whether SQS knows the queue; asks even when it was known before."""
        self._urls.pop(queue, None)
        try:
            return bool(self._url(queue))
        except NotFound:
            return False

    def send(self, queue: str, messages: Sequence[Message], *, delay_s: int = 0) -> list[str]:
        """Store `messages`; return their ids in order.

        Raises:
            TooLarge: a message is over 1 MiB with its attributes.
        """
        ids: list[str] = []
        for entries in _chunks([_entry(message, delay_s) for message in messages]):
            done = self._batch("send_message_batch", queue, entries)
            ids += [done[str(place)]["MessageId"] for place in range(len(entries))]
        return ids

    def receive(self, queue: str, *, hidden_s: int, wait_s: int) -> list[Entry]:
        """Up to ten messages as SQS has them, hidden from others for `hidden_s`; waits for the first of them."""
        answer = self._call(
            "receive_message",
            queue,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=hidden_s,
            WaitTimeSeconds=wait_s,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],  # the newer name, MessageSystemAttributeNames, is unknown to older emulators
        )
        return list(answer.get("Messages", ()))

    def delete(self, queue: str, receipts: Sequence[str]) -> int:
        """Remove received messages; return how many of them were still there."""
        return self._for_receipts("delete_message_batch", queue, receipts)

    def hide(self, queue: str, receipts: Sequence[str], seconds: int) -> int:
        """Keep received messages hidden for `seconds` from now; those that others have meanwhile are left alone."""
        return self._for_receipts("change_message_visibility_batch", queue, receipts, VisibilityTimeout=seconds)

    def counts(self, queue: str) -> Counts:
        """How many messages there are."""
        found = self._call("get_queue_attributes", queue, AttributeNames=list(_COUNTS))["Attributes"]
        return Counts(*(int(found[name]) for name in _COUNTS))

    def close(self) -> None:
        """Let the connections go."""
        self._sqs.close()

    def _for_receipts(self, operation: str, queue: str, receipts: Sequence[str], **same: Any) -> int:
        done = 0
        for start in range(0, len(receipts), BATCH):
            entries = [{"ReceiptHandle": receipt, **same} for receipt in receipts[start : start + BATCH]]
            done += len(self._batch(operation, queue, entries, lost_is_fine=True))
        return done

    def _batch(
        self, operation: str, queue: str, entries: Sequence[Entry], *, lost_is_fine: bool = False
    ) -> dict[str, Entry]:
        """What SQS says of each entry by its place; entries that fail alone are tried again alone.

        Raises:
            Unavailable: some entries failed each time; others may be done.
        """
        left = {str(place): entry for place, entry in enumerate(entries)}
        done: dict[str, Entry] = {}
        for attempt in range(_ATTEMPTS):
            answer = self._call(operation, queue, Entries=[{"Id": place, **entry} for place, entry in left.items()])
            done.update({entry["Id"]: entry for entry in answer.get("Successful", ())})
            failed = [entry for entry in answer.get("Failed", ()) if not (lost_is_fine and entry.get("SenderFault"))]
            if not failed:
                return done
            left = {entry["Id"]: left[entry["Id"]] for entry in failed}
            if attempt + 1 < _ATTEMPTS:
                time.sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - jitter needs no secret
        raise Unavailable(f"the bus is unavailable: {len(left)} messages failed ({code_of(failed[0])})")

    def _call(self, operation: str, queue: str, **arguments: Any) -> dict[str, Any]:
        url = self._url(queue)
        try:
            return self._sqs.call(operation, seen=_NO_QUEUE, QueueUrl=url, **arguments)
        except Refused as gone:
            self._urls.pop(queue, None)
            raise _no_queue(queue) from gone

    def _url(self, queue: str) -> str:
        if queue not in self._urls:
            try:
                self._urls[queue] = self._sqs.call("get_queue_url", seen=_NO_QUEUE, QueueName=queue)["QueueUrl"]
            except Refused as unknown:
                raise _no_queue(queue) from unknown
        return self._urls[queue]


def _no_queue(queue: str) -> NotFound:
    return NotFound(f"there is no queue {queue}")


def _entry(message: Message, delay_s: int) -> Entry:
    entry: Entry = {"MessageBody": encode_text(message.body)}
    if message.attributes:
        entry["MessageAttributes"] = {
            name: {"DataType": "String", "StringValue": encode_text(value)}
            for name, value in message.attributes.items()
        }
    if delay_s:
        entry["DelaySeconds"] = delay_s
    return entry


def _chunks(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """`entries` in calls of at most ten and 1 MiB."""
    chunk: list[Entry] = []
    chunk_bytes = 0
    for entry in entries:
        size = _size_bytes(entry)
        if size > MESSAGE_LIMIT_BYTES:
            raise TooLarge("a message", limit_bytes=MESSAGE_LIMIT_BYTES, size_bytes=size)
        if chunk and (len(chunk) == BATCH or chunk_bytes + size > MESSAGE_LIMIT_BYTES):
            yield chunk
            chunk, chunk_bytes = [], 0
        chunk.append(entry)
        chunk_bytes += size
    if chunk:
        yield chunk


def _size_bytes(entry: Entry) -> int:
    """As SQS counts: the body, and of each attribute its name, type and value."""
    attributes = entry.get("MessageAttributes", {})
    parts = [part for name, value in attributes.items() for part in (name, *value.values())]
    return sum(len(text.encode()) for text in (entry["MessageBody"], *parts))
