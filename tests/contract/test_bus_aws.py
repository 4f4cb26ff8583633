"""SqsBus keeps the contract in `bus_suite`, on MiniStack: a process of its own, whose clock is the test's."""

from collections.abc import Iterator

import pytest

from tests.contract.bus_suite import RECEIVE_LIMIT, BusContract
from tests.engines.ministack import Ministack, MinistackClock, make_queue
from tests.engines.sqs_consumer import Consumer


@pytest.mark.connected
class TestSqsBus(BusContract):
    @pytest.fixture
    def clock(self, ministack: Ministack) -> MinistackClock:
        return MinistackClock(ministack)

    @pytest.fixture
    def bus(self, clock: MinistackClock) -> Iterator[Consumer]:
        for queue in ("q", "one", "two", "other"):
            make_queue(queue, receive_limit=RECEIVE_LIMIT)
        bus = Consumer(clock, receive_limit=RECEIVE_LIMIT, queue_prefix="gf-ai")
        yield bus
        bus.close()
