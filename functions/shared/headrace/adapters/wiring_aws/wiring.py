"""AwsWiring: the Wiring port on AWS. See `ports.wiring` for what each method promises."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from threading import Lock

from headrace.adapters.wiring_aws.mappings import Mappings, is_on
from headrace.adapters.wiring_aws.queues import Queues
from headrace.errors import ConfigError, Unavailable
from headrace.ports.wiring import Subscription

_DEAD = "-dlq"
_NAME = re.compile(f"[A-Za-z0-9_-]{{1,{80 - len(_DEAD)}}}")
_PROJECT, _KIND, _WINDOW, _CONCURRENCY = (
    "headrace:project",
    "headrace:kind",
    "headrace:batch-window-ms",
    "headrace:max-concurrency",
)
_EVERY_QUEUE = {
    "MessageRetentionPeriod": str(14 * 24 * 3600),
    "MaximumMessageSize": str(1024 * 1024),
    "SqsManagedSseEnabled": "true",
}
_LEAST_VISIBILITY = timedelta(seconds=30)


class AwsWiring:
    """Queues of projects, and the `functions` that are called for each kind of them; none for a kind that is missing.

    `functions` are names or ARNs. Queue names begin with `queue_prefix`. After `receive_limit` deliveries SQS moves a
    message to the queue for dead letters. What a queue was wired for is written in its tags.
    """

    def __init__(
        self, functions: Mapping[str, str], *, queue_prefix: str, receive_limit: int, region: str = ""
    ) -> None:
        self._functions = functions
        self._prefix = queue_prefix
        self._receive_limit = receive_limit
        self._queues = Queues(region)
        self._mappings = Mappings(region)
        self._turn = Lock()

    def reconcile(self, project_id: str, wanted: list[Subscription]) -> None:
        """See `Wiring.reconcile`. A queue that is no longer wanted goes with its messages and dead letters.

        Every step is tried, also when an earlier one failed.

        Raises:
            ConfigError: a queue's name is longer than SQS takes.
        """
        for each in wanted:
            if not _NAME.fullmatch(each.queue):
                raise ConfigError(f"SQS cannot name a queue {each.queue!r}: choose another HEADRACE_QUEUE_PREFIX")
        with self._turn:
            keep = {each.queue for each in wanted}
            unwanted = [queue for queue in self._of_project(project_id) if queue not in keep]
            steps = [partial(self._remove, queue) for queue in unwanted]
            steps += [partial(self._ensure, project_id, each) for each in wanted]
            _do_all(steps)

    def subscriptions(self) -> list[Subscription]:
        """See `Wiring.subscriptions`. `active` tells whether a function is called, not only whether it should be."""
        called = {mapping["EventSourceArn"].rpartition(":")[2] for mapping in self._mappings.of() if is_on(mapping)}
        found = []
        for queue in self._queues.names(self._prefix):
            tags = {} if queue.endswith(_DEAD) else self._queues.tags(queue) or {}
            if tags.keys() >= {_PROJECT, _KIND, _WINDOW, _CONCURRENCY}:
                found.append(_described(queue, tags, active=queue in called))
        return found

    def close(self) -> None:
        """Let the connections go; a later call makes new ones."""
        self._queues.close()
        self._mappings.close()

    def _of_project(self, project_id: str) -> list[str]:
        """The project's queues, found by their names (`ports.queues`) and, to be sure, by their tags."""
        names = set(self._queues.names(self._prefix))
        found = []
        for queue in {name.removesuffix(_DEAD) for name in names}:
            if queue.endswith(f"-{project_id}"):
                tags = self._queues.tags(queue) or self._queues.tags(queue + _DEAD) or {}
                if tags.get(_PROJECT) == project_id:
                    found.append(queue)
        return sorted(found)

    def _ensure(self, project_id: str, wanted: Subscription) -> None:
        tags = _tags(project_id, wanted)
        function = self._functions.get(wanted.kind, "")
        dead_arn = self._queues.ensure(wanted.queue + _DEAD, _EVERY_QUEUE, {_PROJECT: project_id})
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": self._receive_limit})
        visibility_s = str(math.ceil(self._visibility(function, wanted).total_seconds()))
        attributes = _EVERY_QUEUE | {"VisibilityTimeout": visibility_s, "RedrivePolicy": redrive}
        arn = self._queues.ensure(wanted.queue, attributes, tags)
        self._mappings.ensure(arn, function, wanted)

    def _visibility(self, function: str, wanted: Subscription) -> timedelta:
        """Six times the function's time limit and the batch window, as Lambda's documentation asks for SQS."""
        if not function:
            return _LEAST_VISIBILITY
        return max(_LEAST_VISIBILITY, 6 * self._mappings.function_timeout(function) + wanted.batch_window)

    def _remove(self, queue: str) -> None:
        """The mapping first: nobody else may take messages of a queue that is about to go."""
        arn = self._queues.arn(queue)
        if arn is not None:
            self._mappings.remove(arn)
        self._queues.remove(queue)
        self._queues.remove(queue + _DEAD)


def _do_all(steps: Sequence[Callable[[], None]]) -> None:
    """Try every step; raise the first Unavailable among them."""
    troubles = []
    for step in steps:
        try:
            step()
        except Unavailable as trouble:
            troubles.append(trouble)
    if troubles:
        raise troubles[0]


def _tags(project_id: str, wanted: Subscription) -> dict[str, str]:
    """What AWS cannot tell: mappings know whole seconds and at least two invocations, and may be missing."""
    return {
        _PROJECT: project_id,
        _KIND: wanted.kind,
        _WINDOW: str(wanted.batch_window // timedelta(milliseconds=1)),
        _CONCURRENCY: str(wanted.max_concurrency),
    }


def _described(queue: str, tags: Mapping[str, str], *, active: bool) -> Subscription:
    return Subscription(
        queue,
        tags[_KIND],
        timedelta(milliseconds=int(tags[_WINDOW])),
        int(tags[_CONCURRENCY]),
        active,
    )
