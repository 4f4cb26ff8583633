"""SQS queues as they must be: made, corrected, listed and removed.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
"""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta

from headrace.adapters.aws_client import AwsClient, Refused
from headrace.errors import Unavailable

_NO_QUEUE = frozenset({"QueueDoesNotExist", "NonExistentQueue"})
_EXISTS = frozenset({"QueueNameExists", "QueueAlreadyExists"})
_DELETED_RECENTLY = "QueueDeletedRecently"
_UNTIL_NAME_IS_FREE = timedelta(seconds=60)


class Queues:
    """Every method raises Unavailable as `AwsClient.call` does, and when somebody else changes the same queue."""

    def __init__(self, region: str) -> None:
        self._sqs = AwsClient("sqs", what="the bus", region=region)

    def ensure(self, name: str, attributes: Mapping[str, str], tags: Mapping[str, str]) -> str:
        """Make the queue `name`, or correct what differs; return its ARN."""
        url = self._url(name) or self._create(name, attributes, tags)
        try:
            call = self._sqs.call
            found = call("get_queue_attributes", seen=_NO_QUEUE, QueueUrl=url, AttributeNames=["All"])["Attributes"]
            wrong = {key: value for key, value in attributes.items() if not _same(found.get(key), value)}
            if wrong:
                call("set_queue_attributes", seen=_NO_QUEUE, QueueUrl=url, Attributes=wrong)
            if tags.items() - (self._tags(url) or {}).items():
                call("tag_queue", seen=_NO_QUEUE, QueueUrl=url, Tags=dict(tags))
        except Refused as gone:
            raise Unavailable(f"the queue {name} was removed while it was being set up") from gone
        arn: str = found["QueueArn"]
        return arn

    def arn(self, name: str) -> str | None:
        """The ARN of a queue, None when it does not exist."""
        url = self._url(name)
        if url is None:
            return None
        try:
            answer = self._sqs.call("get_queue_attributes", seen=_NO_QUEUE, QueueUrl=url, AttributeNames=["QueueArn"])
        except Refused:
            return None
        arn: str = answer["Attributes"]["QueueArn"]
        return arn

    def tags(self, name: str) -> Mapping[str, str] | None:
        """The tags of a queue, None when it does not exist."""
        url = self._url(name)
        return None if url is None else self._tags(url)

    def names(self, prefix: str) -> Iterator[str]:
        """The names of all queues that begin with `prefix`. What changed in the last minute may be missing."""
        arguments = {"QueueNamePrefix": prefix} if prefix else {}
        token: dict[str, str] = {}
        while True:
            answer = self._sqs.call("list_queues", MaxResults=1000, **arguments, **token)
            yield from (url.rpartition("/")[2] for url in answer.get("QueueUrls", ()))
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}

    def remove(self, name: str) -> None:
        """Remove the queue with all its messages; nothing when it does not exist."""
        url = self._url(name)
        if url is None:
            return
        try:
            self._sqs.call("delete_queue", seen=_NO_QUEUE, QueueUrl=url)
        except Refused:
            return  # somebody else was quicker

    def close(self) -> None:
        """Let the connections go."""
        self._sqs.close()

    def _url(self, name: str) -> str | None:
        try:
            url: str = self._sqs.call("get_queue_url", seen=_NO_QUEUE, QueueName=name)["QueueUrl"]
        except Refused:
            return None
        return url

    def _create(self, name: str, attributes: Mapping[str, str], tags: Mapping[str, str]) -> str:
        seen = _EXISTS | {_DELETED_RECENTLY}
        try:
            answer = self._sqs.call(
                "create_queue", seen=seen, QueueName=name, Attributes=dict(attributes), tags=dict(tags)
            )
        except Refused as refused:
            if refused.code == _DELETED_RECENTLY:
                reason = f"the queue {name} was removed less than a minute ago"
                raise Unavailable(reason, retry_after=_UNTIL_NAME_IS_FREE) from refused
            raise Unavailable(f"the queue {name} is being made by somebody else") from refused
        url: str = answer["QueueUrl"]
        return url

    def _tags(self, url: str) -> Mapping[str, str] | None:
        try:
            tags: Mapping[str, str] = self._sqs.call("list_queue_tags", seen=_NO_QUEUE, QueueUrl=url).get("Tags", {})
        except Refused:
            return None
        return tags


def _same(found: str | None, wanted: str) -> bool:
    """A redrive policy is JSON, and engines write its number with or without quotes."""
    if found is None or not wanted.startswith("{"):
        return found == wanted
    return bool(_texts(found) == _texts(wanted))


def _texts(policy: str) -> dict[str, str]:
    return {key: str(value) for key, value in json.loads(policy).items()}
