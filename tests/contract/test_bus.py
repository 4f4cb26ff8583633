"""Every Bus keeps the contract in `bus_suite`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.adapters.bus_nats import NatsBus
from headrace.adapters.bus_sqlite import SqliteBus
from headrace.errors import Unavailable
from tests.contract.bus_suite import RECEIVE_LIMIT, BusContract, SourceContract
from tests.engines.nats import NatsServer
from tests.fakes.bus import FakeBus
from tests.fakes.clock import FakeClock


class TestFakeBus(BusContract, SourceContract):
    @pytest.fixture
    def bus(self, clock: FakeClock) -> FakeBus:
        return FakeBus(clock, receive_limit=RECEIVE_LIMIT)

    def test_its_outage_reaches_every_call_until_it_ends(self, bus):
        bus.outage = Unavailable("down")
        for call in (bus.ping, bus.due, lambda: bus.stats("q"), lambda: bus.publish("q", [])):
            with pytest.raises(Unavailable):
                call()
        bus.outage = None
        bus.ping()


class TestSqliteBus(BusContract, SourceContract):
    @pytest.fixture
    def bus(self, clock: FakeClock, tmp_path: Path) -> Iterator[SqliteBus]:
        bus = SqliteBus(tmp_path / "bus.db", clock, receive_limit=RECEIVE_LIMIT)
        yield bus
        bus.close()


@pytest.mark.connected
class TestNatsBus(BusContract, SourceContract):
    @pytest.fixture
    def bus(self, clock: FakeClock, nats_server: NatsServer) -> Iterator[NatsBus]:
        bus = NatsBus(nats_server.url, clock, receive_limit=RECEIVE_LIMIT)
        yield bus
        bus.close()
