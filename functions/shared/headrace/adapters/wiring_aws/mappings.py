"""Lambda event source mappings as they must be: who is called with the messages of a queue, and how.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
"""

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from headrace.adapters.aws_client import AwsClient, Refused
from headrace.errors import Unavailable
from headrace.ports.wiring import Subscription

BATCH_SIZE = 10

_ON = frozenset({"Creating", "Enabling", "Enabled", "Updating"})
_OFF = frozenset({"Disabling", "Disabled"})
_SETTLED = frozenset({"Enabled", "Disabled"})
_DELETING = "Deleting"
_GONE = frozenset({"ResourceNotFoundException"})
_IN_THE_WAY = frozenset({"ResourceConflictException", "ResourceInUseException"})
_UNTIL_SETTLED = timedelta(seconds=15)

Mapping = dict[str, Any]


class Mappings:
    """Every method raises Unavailable as `AwsClient.call` does, and when a mapping is still being changed."""

    def __init__(self, region: str) -> None:
        self._lambda = AwsClient("lambda", what="the wiring", region=region)
        self._timeouts: dict[str, timedelta] = {}

    def ensure(self, queue_arn: str, function: str, wanted: Subscription) -> None:
        """Have `function` called for the queue as `wanted` says; without a function nobody is.

        One mapping does that: any others, of another function or made by two of us at once, are deleted.
        """
        ours: Mapping | None = None
        for mapping in self.of(queue_arn):
            if ours is None and _calls(mapping, function):
                ours = mapping
            else:
                self._delete(mapping)
        if ours is not None:
            self._correct(ours, wanted)
        elif wanted.active and function:
            self._change("create_event_source_mapping", EventSourceArn=queue_arn, FunctionName=function, **_how(wanted))

    def remove(self, queue_arn: str) -> None:
        """Have nobody called for the queue any more."""
        for mapping in self.of(queue_arn):
            self._delete(mapping)

    def of(self, queue_arn: str | None = None) -> Iterator[Mapping]:
        """The mappings of one queue, or of all."""
        arguments = {"EventSourceArn": queue_arn} if queue_arn else {}
        marker: dict[str, str] = {}
        while True:
            answer = self._lambda.call("list_event_source_mappings", **arguments, **marker)
            yield from answer["EventSourceMappings"]
            if not answer.get("NextMarker"):
                return
            marker = {"Marker": answer["NextMarker"]}

    def function_timeout(self, function: str) -> timedelta:
        """How long one call of `function` may take; looked up once in a process."""
        if function not in self._timeouts:
            found = self._lambda.call("get_function_configuration", FunctionName=function)
            self._timeouts[function] = timedelta(seconds=found["Timeout"])
        return self._timeouts[function]

    def close(self) -> None:
        """Let the connections go."""
        self._lambda.close()

    def _correct(self, mapping: Mapping, wanted: Subscription) -> None:
        how = _how(wanted) if wanted.active else {"Enabled": False}
        if mapping["State"] in (_ON if wanted.active else _OFF) and all(
            mapping.get(name) == value for name, value in how.items() if name != "Enabled"
        ):
            return
        if mapping["State"] not in _SETTLED:
            raise _busy(f"it is {mapping['State'].lower()}")
        self._change("update_event_source_mapping", UUID=mapping["UUID"], **how)

    def _delete(self, mapping: Mapping) -> None:
        if mapping["State"] != _DELETING:
            self._change("delete_event_source_mapping", UUID=mapping["UUID"])

    def _change(self, operation: str, **arguments: Any) -> None:
        try:
            self._lambda.call(operation, seen=_GONE | _IN_THE_WAY, **arguments)
        except Refused as refused:
            if refused.code in _IN_THE_WAY or not operation.startswith("delete"):
                raise _busy(f"it answered {refused.code}") from refused


def is_on(mapping: Mapping) -> bool:
    """Whether the function is called, or about to be."""
    return mapping["State"] in _ON


def _calls(mapping: Mapping, function: str) -> bool:
    """`function` is a name or an ARN; a mapping always knows the ARN."""
    arn = mapping.get("FunctionArn", "")
    return bool(function) and (arn == function or arn.endswith(f":function:{function}"))


def _how(wanted: Subscription) -> dict[str, Any]:
    return {
        "Enabled": True,
        "BatchSize": BATCH_SIZE,
        "MaximumBatchingWindowInSeconds": min(300, math.ceil(wanted.batch_window.total_seconds())),
        "ScalingConfig": {"MaximumConcurrency": min(1000, max(2, wanted.max_concurrency))},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }


def _busy(reason: str) -> Unavailable:
    return Unavailable(f"an event source mapping cannot be changed yet: {reason}", retry_after=_UNTIL_SETTLED)
