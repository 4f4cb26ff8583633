"""FakeNotifier: the Notifier port without a service, for tests of what notifies.

It gives its answers in turn, the last one for ever, and keeps every notification:

    notifier = FakeNotifier(Notified(taken=False, response=None, reason="is away"), TAKEN)
    notifier.refused["mailto://a"] = "no such server"       # `check` and `notify` refuse this address
"""

from headrace.errors import InvalidInput
from headrace.ports.notifications import Notification
from headrace.ports.notifier import Notified

TAKEN = Notified(taken=True, response=None)


class FakeNotifier:
    def __init__(self, *answers: Notified | Exception) -> None:
        self.sent: list[Notification] = []
        self.refused: dict[str, str] = {}
        self._answers: list[Notified | Exception] = list(answers) or [TAKEN]

    def will(self, *answers: Notified | Exception) -> None:
        """Give these answers from now on."""
        self._answers = list(answers)

    def check(self, url: str) -> None:
        if url in self.refused:
            raise InvalidInput(self.refused[url], field="url")

    def notify(self, notification: Notification) -> Notified:
        self.check(notification.url)
        self.sent.append(notification)
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
