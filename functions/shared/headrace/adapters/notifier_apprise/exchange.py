"""What happens on the wire while one notification is sent, gathered behind the back of a library that tells no one.

A plugin of apprise answers True or False. Why it failed is known here: from the HTTP answers, which all come through
the outbound port, from the replies of a mail server, and from what the plugin logs.
"""

import logging
import time
from contextvars import ContextVar
from datetime import timedelta

from headrace.errors import InvalidInput
from headrace.ports.addresses import AddressRules
from headrace.ports.outbound import NoAnswer, Outbound, OutboundRequest, OutboundResponse


class Exchange:
    """One notification on its way: the way out, the time that is left, and what came back."""

    def __init__(self, outbound: Outbound, rules: AddressRules, timeout: timedelta) -> None:
        self.rules = rules
        self.response: OutboundResponse | None = None
        """The last HTTP answer that was no success, else the last one."""
        self.problem: NoAnswer | InvalidInput | None = None
        """Why no answer came."""
        self.reply = ""
        """The last reply of a mail server that was an error: its code, then words."""
        self.words = ""
        """What the plugin logged last."""
        self._outbound = outbound
        self._timeout = timeout
        self._ends_monotonic = time.monotonic() + timeout.total_seconds()

    @property
    def left(self) -> timedelta:
        """Of the time for the whole notification, however many requests a service needs. Raises NoAnswer."""
        left = timedelta(seconds=self._ends_monotonic - time.monotonic())
        if left <= timedelta(0):
            raise self.silence()
        return left

    def silence(self) -> NoAnswer:
        """The time is over: to be raised, and kept."""
        self.problem = NoAnswer(f"gave no answer within {self._timeout.total_seconds():g} s")
        return self.problem

    def send(self, url: str, body: bytes, method: str, headers: dict[str, str]) -> OutboundResponse:
        """One request through the outbound port. Raises NoAnswer and InvalidInput, and keeps them."""
        try:
            response = self._outbound.send(OutboundRequest(url, body, method, headers, self.left))
        except (NoAnswer, InvalidInput) as problem:
            self.problem = problem
            raise
        if self.response is None or self.response.status < 300 or response.status >= 300:
            self.response = response
        return response


CURRENT: ContextVar[Exchange] = ContextVar("exchange")
"""The exchange of this thread. What a plugin tries without one, from a thread of its own, fails."""


class LastWords(logging.Handler):
    """Keeps what the plugins log with the exchange instead of printing it."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        exchange = CURRENT.get(None)
        if exchange is not None and record.levelno >= logging.WARNING:
            exchange.words = record.getMessage()
