"""What every Notifier does, over a harness that makes its service answer as a test tells it to."""

from datetime import timedelta
from typing import Protocol

import pytest

from headrace.errors import InvalidInput
from headrace.ports.notifications import Notification
from headrace.ports.notifier import Notifier
from headrace.ports.outbound import NoAnswer


class Harness(Protocol):
    notifier: Notifier
    good: str
    """A URL of a service that can be reached."""
    bad: str
    """One that can never be."""

    def answers(self, status: int | None) -> None:
        """Let the service answer with this HTTP status; None: with silence."""


class NotifierContract:
    @pytest.fixture
    def harness(self) -> Harness:
        raise NotImplementedError

    def told(self, harness: Harness):
        told = Notification(harness.good, "Pool exhausted", "12 connections", "failure", timedelta(seconds=1))
        return harness.notifier.notify(told)

    def test_what_a_service_takes_is_taken(self, harness):
        harness.answers(200)
        harness.notifier.check(harness.good)
        assert self.told(harness).taken

    @pytest.mark.parametrize("status", [401, 429, 500])
    def test_what_it_does_not_take_comes_back_with_its_answer(self, harness, status):
        harness.answers(status)
        notified = self.told(harness)
        assert (notified.taken, notified.response.status) == (False, status)

    def test_silence_is_no_answer(self, harness):
        harness.answers(None)
        with pytest.raises(NoAnswer):
            self.told(harness)

    def test_what_can_never_be_sent_is_bad_input(self, harness):
        with pytest.raises(InvalidInput) as caught:
            harness.notifier.check(harness.bad)
        assert caught.value.field == "url"
        with pytest.raises(InvalidInput):
            harness.notifier.notify(Notification(harness.bad, "T", "B"))
