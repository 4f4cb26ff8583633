from collections.abc import Iterator

import pytest

from headrace.adapters.notifier_apprise import AppriseNotifier
from headrace.adapters.outbound_urllib3 import Network, Urllib3Outbound
from headrace.ports.addresses import AddressRules
from headrace.ports.notifier import Notified
from headrace.ports.outbound import NoAnswer, OutboundResponse
from tests.contract.notifier_suite import NotifierContract
from tests.fakes.http import hang, listening, reply
from tests.fakes.notifier import TAKEN, FakeNotifier


class AppriseOnLoopback:
    bad = "syslog://"

    def __init__(self, outbound, service) -> None:
        self.notifier = AppriseNotifier(outbound, AddressRules(private_allowed=True))
        self.service = service
        self.good = service.url.replace("http://", "json://")

    def answers(self, status) -> None:
        self.service.will(hang if status is None else reply(status))


class Fake:
    good, bad = "mailto://good", "mailto://bad"

    def __init__(self) -> None:
        self.notifier = FakeNotifier()
        self.notifier.refused[self.bad] = "no such service"

    def answers(self, status) -> None:
        if status is None:
            self.notifier.will(NoAnswer("gave no answer"))
        else:
            self.notifier.will(TAKEN if status == 200 else Notified(False, OutboundResponse(status, {}, b"")))


class TestAppriseNotifier(NotifierContract):
    @pytest.fixture
    def harness(self) -> Iterator[AppriseOnLoopback]:
        outbound = Urllib3Outbound(Network(AddressRules(private_allowed=True)))
        with listening() as service:
            yield AppriseOnLoopback(outbound, service)
            outbound.close()


class TestFakeNotifier(NotifierContract):
    @pytest.fixture
    def harness(self) -> Fake:
        return Fake()
