"""Every Wiring keeps the contract in `wiring_suite`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.adapters.bus_nats import NatsWiring
from headrace.adapters.bus_sqlite import SqliteWiring
from headrace.errors import Unavailable
from tests.contract.wiring_suite import RAW, WiringContract
from tests.engines.nats import NatsServer
from tests.fakes.wiring import FakeWiring


class TestFakeWiring(WiringContract):
    @pytest.fixture
    def wiring(self) -> FakeWiring:
        return FakeWiring()

    def test_its_outage_reaches_every_call_until_it_ends(self, wiring):
        wiring.outage = Unavailable("down")
        for call in (wiring.subscriptions, lambda: wiring.reconcile("1", [RAW])):
            with pytest.raises(Unavailable):
                call()
        wiring.outage = None
        assert wiring.subscriptions() == []


class TestSqliteWiring(WiringContract):
    @pytest.fixture
    def wiring(self, tmp_path: Path) -> Iterator[SqliteWiring]:
        wiring = SqliteWiring(tmp_path / "bus.db")
        yield wiring
        wiring.close()


@pytest.mark.connected
class TestNatsWiring(WiringContract):
    @pytest.fixture
    def wiring(self, nats_server: NatsServer) -> Iterator[NatsWiring]:
        wiring = NatsWiring(nats_server.url)
        yield wiring
        wiring.close()
