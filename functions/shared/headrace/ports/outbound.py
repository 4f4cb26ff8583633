"""Requests to addresses that users typed: agents, webhooks, Slack."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """One HTTP request; `timeout` is for all of it: finding the host, connecting, sending, the whole answer."""

    url: str
    body: bytes
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """The answer: header names in lower case, body cut after 64 KiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswer(Exception):
    """No HTTP answer came: no connection, a time limit, a line that broke. The message is fit for a user."""


class Outbound(Protocol):
    """The one way out. Follows no redirects and verifies TLS; may be used from many threads at once.

    In a shared deployment nothing is sent to addresses inside, whatever the name, the form of the address or the name
    server says: what counts is the address that is connected to.
    """

    def check(self, url: str) -> None:
        """Find what is wrong with a URL that can be found without asking anybody, to say so when it is typed.

        Raises:
            InvalidInput: it cannot be sent to, or leads inside and may not; `field` is "url".
        """
        ...

    def send(self, request: OutboundRequest) -> OutboundResponse:
        """Send once.

        Raises:
            NoAnswer: nothing usable came back within the time limits.
            InvalidInput: the URL or a header cannot be sent at all, or the host is at an address inside; trying again
                is no use. `field` is "url" or "headers".
        """
        ...
