"""The write-ahead log, when another process holds a file that does not have it yet."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from headrace.adapters.sqlite_wal import use_write_ahead_log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new.db"


@pytest.fixture
def other(path: Path):
    """Another's connection, in the middle of its first write."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE things (id)")
        yield other


def test_who_meets_another_writer_at_the_start_waits_for_it(path, other):
    refusals: list[sqlite3.OperationalError] = []

    class Watched(sqlite3.Connection):
        def execute(self, *arguments):
            try:
                return super().execute(*arguments)
            except sqlite3.OperationalError as refusal:
                refusals.append(refusal)
                other.execute("COMMIT")
                raise

    with closing(sqlite3.connect(path, timeout=0, factory=Watched)) as connection:
        use_write_ahead_log(connection, wait_s=60)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert [refusal.sqlite_errorname for refusal in refusals] == ["SQLITE_BUSY"]


def test_who_meets_a_writer_that_never_ends_gives_up(path, other):
    with (
        closing(sqlite3.connect(path, timeout=0)) as connection,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        use_write_ahead_log(connection, wait_s=0)
