"""Our messages as NATS messages: the body as it is, all else in headers, which have to be ASCII on one line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from headrace.ports.bus import DeadLetter, Message, Received

Headers = dict[str, str]

MESSAGE_ID = "Nats-Msg-Id"
"""The server drops a second message with the same one: https://docs.nats.io/nats-concepts/jetstream/headers"""
_ID, _SENT, _DUE = "Headrace-Id", "Headrace-Sent", "Headrace-Due"
_DELIVERIES, _ATTRIBUTES = "Headrace-Deliveries", "Headrace-Attributes"
_REASON, _DEAD = "Headrace-Reason", "Headrace-Dead"


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it is on the server."""

    id: str
    body: bytes
    attributes: Mapping[str, str]
    sent_unix_nano: int
    due_unix_nano: int
    deliveries: int = 0
    """How often it had been delivered before it was stored under this sequence number."""

    @property
    def unique(self) -> str:
        """The same for each attempt to store this state of the message, so that the server keeps one.

        With the time, since after a new start it is delivered for the first time again, and would seem known.
        """
        return f"{self.id}.{self.sent_unix_nano}.{self.deliveries}"

    def waiting(self, due_unix_nano: int, deliveries: int) -> "Stored":
        """The same message for another time."""
        return replace(self, due_unix_nano=due_unix_nano, deliveries=deliveries)

    def anew(self, now: int) -> "Stored":
        """The same message as if it were sent now."""
        return replace(self, sent_unix_nano=now, due_unix_nano=now, deliveries=0)


def new(message: Message, message_id: str, now: int, due: int) -> Stored:
    """A message that is published now."""
    return Stored(message_id, message.body.encode(), message.attributes, now, due)


def encode(stored: Stored, unique: str) -> Headers:
    """Headers of `stored`; `unique` is for the server to know duplicates by."""
    return {
        MESSAGE_ID: unique,
        _ID: stored.id,
        _SENT: str(stored.sent_unix_nano),
        _DUE: str(stored.due_unix_nano),
        _DELIVERIES: str(stored.deliveries),
        _ATTRIBUTES: json.dumps(dict(stored.attributes)),
    }


def decode(headers: Mapping[str, str], body: bytes, name: str = "") -> Stored:
    """What `encode` was given. A message that somebody else has put there is called `name`, and as old as time."""
    return Stored(
        headers.get(_ID, name),
        body,
        json.loads(headers.get(_ATTRIBUTES, "{}")),
        int(headers.get(_SENT, 0)),
        int(headers.get(_DUE, 0)),
        int(headers.get(_DELIVERIES, 0)),
    )


def encode_dead(stored: Stored, reason: str, now: int) -> Headers:
    """Headers of a dead letter."""
    return {**encode(stored, stored.unique), _REASON: json.dumps(reason), _DEAD: str(now)}


def decode_dead(headers: Mapping[str, str], body: bytes) -> DeadLetter:
    """A dead letter, as the port has it."""
    stored = decode(headers, body)
    reason, dead = json.loads(headers[_REASON]), int(headers[_DEAD])
    return DeadLetter(stored.id, _text(body), stored.attributes, reason, stored.deliveries, dead)


def received(stored: Stored, queue: str, receive_count: int, receipt: str) -> Received:
    """A delivery, as the port has it."""
    body, sent = _text(stored.body), stored.sent_unix_nano
    return Received(stored.id, queue, body, stored.attributes, receive_count, receipt, sent)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
