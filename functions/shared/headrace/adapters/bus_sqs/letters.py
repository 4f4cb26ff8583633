"""Dead letters ↔ SQS messages. A buried one carries the reason as an attribute, one that SQS gave up has none.

SQS takes ten attributes. When a message has ten of its own, one of them travels inside the attribute of the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from headrace.ports.bus import DeadLetter, Message
from headrace.ports.queue_text import decode_text

_REASON, _CROWDED = "headrace.reason", "headrace.reason_and_attribute"
_MOST_ATTRIBUTES = 10


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter with the receipt that names this delivery of it."""

    facts: DeadLetter
    receipt: str

    @property
    def position(self) -> tuple[int, str]:
        """Where it stands among others, the oldest first."""
        return self.facts.dead_unix_nano, self.facts.id

    @property
    def message(self) -> Message:
        """What it was before it died."""
        return Message(self.facts.body, self.facts.attributes)


def encode_letter(message: Message, reason: str) -> Message:
    """`message` with the reason why it is buried."""
    attributes = dict(message.attributes)
    if len(attributes) < _MOST_ATTRIBUTES:
        return Message(message.body, attributes | {_REASON: reason})
    name, value = attributes.popitem()
    return Message(message.body, attributes | {_CROWDED: orjson.dumps([reason, name, value]).decode()})


def decode_letter(received: Mapping[str, Any], *, receive_limit: int) -> Letter:
    """A dead letter from a message as SQS has it.

    SQS keeps the time at which a message was first sent, not the time at which it gave it up, so for one without a
    reason that is the time given here.
    """
    values = received.get("MessageAttributes", {})
    attributes = {name: decode_text(value.get("StringValue", "")) for name, value in values.items()}
    given_up = f"delivered {receive_limit} times without being dealt with"
    reason = attributes.pop(_REASON, None)
    if _CROWDED in attributes:
        reason, name, value = orjson.loads(attributes.pop(_CROWDED))
        attributes[name] = value
    facts = DeadLetter(
        id=received["MessageId"],
        body=decode_text(received["Body"]),
        attributes=attributes,
        reason=given_up if reason is None else reason,
        receive_count=receive_limit if reason is None else 0,
        dead_unix_nano=int(received["Attributes"]["SentTimestamp"]) * 1_000_000,
    )
    return Letter(facts, received["ReceiptHandle"])
