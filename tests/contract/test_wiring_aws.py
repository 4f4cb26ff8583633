"""AwsWiring keeps the contract in `wiring_suite`, on MiniStack: a process of its own, over HTTP."""

from collections.abc import Iterator

import pytest

from headrace.adapters.wiring_aws import AwsWiring
from tests.contract.wiring_suite import WiringContract
from tests.engines.ministack import Ministack, make_function

FUNCTIONS = {"raw": "pipeline", "output": "sink", "spans": "traces"}


@pytest.mark.connected
class TestAwsWiring(WiringContract):
    @pytest.fixture
    def wiring(self, ministack: Ministack) -> Iterator[AwsWiring]:
        for name in FUNCTIONS.values():
            make_function(name, timeout_s=30)
        wiring = AwsWiring(FUNCTIONS, queue_prefix="", receive_limit=12)
        yield wiring
        wiring.close()
