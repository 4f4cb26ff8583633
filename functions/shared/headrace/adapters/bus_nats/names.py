"""What a queue's streams and subjects are called. The outside world knows these names (contract section 2)."""

import re
from dataclasses import dataclass

from headrace.ports.queues import KINDS

CONSUMER = "workers"
"""The durable consumer of each queue's stream, shared by all processes."""

_ENDINGS = {kind.name: kind.subject for kind in KINDS}
_PER_PROJECT = re.compile(rf"(.+?-({'|'.join(_ENDINGS)}))-(.+)")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}")


def check_queue(queue: str) -> str:
    """`queue`, which the server can take as part of names.

    Raises:
        ValueError: it cannot; nothing of Headrace's makes such a name.
    """
    if not _NAME.fullmatch(queue):
        raise ValueError(f"{queue!r} is no name for a queue on NATS: letters, digits, - and _")
    return queue


def subject_of(queue: str) -> str:
    """Where messages of `queue` are published: `gf-ai-raw.{id}.in`, `gf-ai-output.{id}.out`."""
    match = _PER_PROJECT.fullmatch(queue)
    ending = _ENDINGS[match[2]] if match else "in"
    return f"{_stem(queue)}.{ending}"


def dead_stream(queue: str) -> str:
    """The stream of the dead letters of `queue`."""
    return f"{queue}-dlq"


def dead_subject(queue: str, message_id: str = "*") -> str:
    """The subject of one dead letter, so that it can be found and removed by its id."""
    return f"{_stem(queue)}.dlq.{message_id}"


@dataclass(frozen=True, slots=True)
class SharedNames:
    """What there is once in a deployment, whose queues share a prefix."""

    prefix: str

    @property
    def later(self) -> str:
        """The stream of messages that wait for their time, of all queues."""
        return f"{self.prefix}-later"

    def later_subject(self, queue: str, due_unix_nano: int) -> str:
        """Begins with the minute, so that one look finds what is due soon."""
        return f"{self.later}.{minute_of(due_unix_nano)}.{due_unix_nano}.{queue}"

    @property
    def subscriptions(self) -> str:
        """The stream with the subscriptions of each project."""
        return f"{self.prefix}-subscriptions"

    def subscriptions_subject(self, project_id: str) -> str:
        """Hexadecimal, since an id may hold what a subject may not."""
        return f"{self.subscriptions}.{project_id.encode().hex()}"

    @property
    def news(self) -> str:
        """Where publishers tell the name of a queue that has something new; not stored anywhere."""
        return f"{self.prefix}-news"


def minute_of(unix_nano: int) -> int:
    """Whole minutes since 1970."""
    return unix_nano // 60_000_000_000


def _stem(queue: str) -> str:
    match = _PER_PROJECT.fullmatch(check_queue(queue))
    return f"{match[1]}.{match[3]}" if match else queue
