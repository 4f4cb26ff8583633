"""DynamoTable keeps the contract in `table_suite`, on MiniStack: a process of its own, over HTTP.

MiniStack serves one request after the other, so the tests of many threads show that the adapter's conditions are
right, not how DynamoDB behaves when transactions collide. Collisions are made up in tests/unit/adapters/table_dynamodb.
"""

from collections.abc import Iterator

import pytest

from headrace.adapters.table_dynamodb import DynamoTable
from tests.contract.table_suite import StoppedClock, TableContract
from tests.engines.ministack import Ministack, make_table


@pytest.mark.connected
class TestDynamoTable(TableContract):
    @pytest.fixture
    def table(self, clock: StoppedClock, ministack: Ministack) -> Iterator[DynamoTable]:
        make_table("config")
        table = DynamoTable("config", clock)
        yield table
        table.close()
