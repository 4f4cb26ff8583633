"""Every Outbound keeps the contract in `outbound_suite`, the adapter also where each new address is checked."""

from collections.abc import Iterator, Mapping

import pytest

from headrace.adapters.outbound_urllib3 import Network, Urllib3Outbound
from headrace.ports.addresses import read_rules
from headrace.ports.outbound import NoAnswer, OutboundRequest, OutboundResponse
from tests.contract.outbound_line import Arrived, HttpPeer, Line
from tests.contract.outbound_suite import LineContract, OutboundContract, ask
from tests.fakes.outbound import FakeOutbound


class ScriptedPeer:
    """The suite's other end, played by the script of a FakeOutbound."""

    url = "http://agent.example/"

    def __init__(self, outbound: FakeOutbound) -> None:
        self._outbound = outbound

    @property
    def requests(self) -> list[Arrived]:
        return [_arrived(request) for request in self._outbound.requests]

    def will(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self._outbound.will(OutboundResponse(status, headers or {}, body))

    def will_echo(self) -> None:
        self._outbound.will(lambda request: OutboundResponse(200, {}, request.body))


def _arrived(request: OutboundRequest) -> Arrived:
    return Arrived(request.method, {name.lower(): text for name, text in request.headers.items()}, request.body)


class TestFakeOutbound(OutboundContract):
    @pytest.fixture
    def outbound(self) -> FakeOutbound:
        return FakeOutbound()

    @pytest.fixture
    def peer(self, outbound: FakeOutbound) -> ScriptedPeer:
        return ScriptedPeer(outbound)

    def test_its_answers_come_in_turn_and_the_last_one_stays(self, outbound, peer):
        outbound.will(503, NoAnswer("is away"), 200)
        assert ask(outbound, peer.url).status == 503
        with pytest.raises(NoAnswer, match="is away"):
            ask(outbound, peer.url)
        assert [ask(outbound, peer.url).status for _ in range(2)] == [200, 200]


class TestUrllib3Outbound(OutboundContract, LineContract):
    rules = read_rules("", private_allowed=True)

    @pytest.fixture
    def outbound(self) -> Iterator[Urllib3Outbound]:
        outbound = Urllib3Outbound(Network(self.rules))
        yield outbound
        outbound.close()

    @pytest.fixture
    def peer(self, line: Line) -> HttpPeer:
        return HttpPeer(line)


class TestUrllib3OutboundThatChecks(TestUrllib3Outbound):
    """The loopback addresses of the suite are let through by the allow-list; all others inside are not."""

    rules = read_rules("127.0.0.0/8, *.invalid, host", private_allowed=False)
