"""Messages for people through services that have an API of their own: e-mail, chat, pager."""

from dataclasses import dataclass
from typing import Protocol

from headrace.ports.notifications import Notification
from headrace.ports.outbound import OutboundResponse


@dataclass(frozen=True, slots=True)
class Notified:
    """What the service made of a notification."""

    taken: bool
    response: OutboundResponse | None
    """The last HTTP answer, when the service speaks HTTP."""
    reason: str = ""
    """Why it was not taken, when no HTTP answer says so."""


class Notifier(Protocol):
    """Sends notifications. May be used from many threads at once."""

    def check(self, url: str) -> None:
        """Say whether notifications can be sent to `url`.

        Raises:
            InvalidInput: they never can; `field` is "url".
        """
        ...

    def notify(self, notification: Notification) -> Notified:
        """Send once.

        Raises:
            NoAnswer: nothing usable came back within the time limit.
            InvalidInput: it cannot be sent at all.
        """
        ...
