"""Every Table keeps the contract in `table_suite`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.adapters.table_sql import SqlTable, migrate
from tests.contract.table_suite import StoppedClock, TableContract
from tests.fakes.table import FakeTable


class TestFakeTable(TableContract):
    @pytest.fixture
    def table(self, clock: StoppedClock) -> FakeTable:
        return FakeTable(clock)


class TestSqlTableOnSqlite(TableContract):
    @pytest.fixture
    def table(self, clock: StoppedClock, tmp_path: Path) -> Iterator[SqlTable]:
        table = SqlTable(f"sqlite:///{tmp_path}/store.db", "config", clock)
        yield table
        table.close()


@pytest.mark.connected
class TestSqlTableOnPostgreSql(TableContract):
    @pytest.fixture
    def table(self, clock: StoppedClock, postgres_url: str) -> Iterator[SqlTable]:
        migrate(postgres_url)
        table = SqlTable(postgres_url, "config", clock)
        yield table
        table.close()
