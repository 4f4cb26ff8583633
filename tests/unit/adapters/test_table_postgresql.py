"""SqlTable on PostgreSQL beyond the contract: migrations at once, races, locks, and a server that dies."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from headrace.adapters.clock_system import SystemClock
from headrace.adapters.table_sql import SqlTable, check_schema, migrate
from headrace.adapters.table_sql.migrations import MIGRATIONS
from headrace.errors import ConfigError, Unavailable
from headrace.ports.table import Range, Update
from tests.engines.fixtures import database_of_session, postgres, postgres_url
from tests.engines.postgres import Cluster
from tests.flow.waiting import wait_until

__all__ = ["database_of_session", "postgres", "postgres_url"]

pytestmark = pytest.mark.connected

MIGRATOR = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from headrace.adapters.table_sql import migrate
print("ready", flush=True)
sys.stdin.readline()
print(len(migrate(sys.argv[2])), flush=True)
"""


@pytest.fixture
def opened(postgres_url: str) -> Iterator[Callable[..., SqlTable]]:
    """Tables in a migrated database."""
    migrate(postgres_url)
    with ExitStack() as stack:

        def open_table(name: str = "config", **how: Any) -> SqlTable:
            table = SqlTable(postgres_url, name, SystemClock(), **how)
            stack.callback(table.close)
            return table

        yield open_table


# --- migrations ----------------------------------------------------------------------------------------------


def test_a_database_without_migrations_names_them_and_the_command(postgres_url: str) -> None:
    for call in (lambda: check_schema(postgres_url), SqlTable(postgres_url, "config", SystemClock()).ping):
        with pytest.raises(ConfigError, match=r"1 \(items\): run `headrace migrate`"):
            call()


def test_processes_that_migrate_at_once_take_each_step_once(postgres_url: str, postgres: Cluster) -> None:
    command = [sys.executable, "-c", MIGRATOR, json.dumps([*sys.path, str(Path.cwd())]), postgres_url]
    with ExitStack() as stack:
        running = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(3)
        ]
        assert [process.stdout.readline() for process in running] == ["ready\n"] * 3
        for process in running:
            process.stdin.write("\n")
            process.stdin.flush()
        taken = sorted(int(process.stdout.readline()) for process in running)
    wanted = [each for each in MIGRATIONS if "postgresql" in each.engines]
    assert taken == [0, 0, len(wanted)]
    check_schema(postgres_url)


def test_a_migration_that_fails_leaves_nothing_behind(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise Unavailable("in the middle")

    broken = type(MIGRATIONS[0])(99, "broken", fail)
    monkeypatch.setattr("headrace.adapters.table_sql.migrations.MIGRATIONS", (*MIGRATIONS, broken))
    with pytest.raises(Unavailable, match="in the middle"):
        migrate(postgres_url)
    monkeypatch.undo()
    with pytest.raises(ConfigError):
        check_schema(postgres_url)
    assert migrate(postgres_url)[0] == "1 items"


def test_a_schema_from_a_later_version_does_no_harm(
    opened: Callable[..., SqlTable], postgres: Cluster, database_of_session: str
) -> None:
    postgres.execute("INSERT INTO headrace_migrations VALUES (1000, 'later', 0)", database_of_session)
    opened().put({"pk": "p", "sk": "s"})


# --- races and locks -----------------------------------------------------------------------------------------


def test_counters_and_first_writes_of_many_threads_lose_nothing(opened: Callable[..., SqlTable]) -> None:
    table = opened()

    def work(number: int) -> None:
        for _ in range(10):
            table.transact([Update("p", sk, add={"n": 1}) for sk in ("ab" if number % 2 else "ba")])

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(12)))
    assert [item["n"] for item in table.query(Range("p")).items] == [120, 120]


def test_a_deadlock_with_a_stranger_is_run_again(opened: Callable[..., SqlTable], postgres_url: str) -> None:
    table = opened()
    table.transact([Update("p", sk, set={"n": 0}) for sk in "ab"])
    with psycopg.connect(postgres_url) as stranger, ThreadPoolExecutor(1) as pool:
        stranger.execute("SELECT 1 FROM headrace_config WHERE sk = 'b' FOR UPDATE")
        ours = pool.submit(table.transact, [Update("p", sk, add={"n": 1}) for sk in "ab"])
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with psycopg.connect(postgres_url, autocommit=True) as looking:
            wait_until(lambda: looking.execute(waiting).fetchone() == (1,), "ours waits for b")
        try:
            stranger.execute("SELECT 1 FROM headrace_config WHERE sk = 'a' FOR UPDATE")
            stranger.commit()
        except psycopg.errors.DeadlockDetected:
            stranger.rollback()
        ours.result(20)
    assert [item["n"] for item in table.query(Range("p")).items] == [1, 1]


def test_rows_that_others_keep_for_too_long_are_unavailable(opened: Callable[..., SqlTable], postgres_url: str) -> None:
    table = opened(lock_timeout=timedelta(milliseconds=50))
    table.put({"pk": "p", "sk": "s"})
    with psycopg.connect(postgres_url) as stranger:
        stranger.execute("SELECT 1 FROM headrace_config FOR UPDATE")
        with pytest.raises(Unavailable, match="other writers"):
            table.update(Update("p", "s", add={"n": 1}))
        assert table.get("p", "s") == {"pk": "p", "sk": "s"}
    assert table.update(Update("p", "s", add={"n": 1}))["n"] == 1


def test_connections_are_bounded_however_many_threads_ask(
    opened: Callable[..., SqlTable], postgres: Cluster, database_of_session: str
) -> None:
    table = opened()
    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(lambda number: table.get("p", str(number)), range(300))) == [None] * 300
    of_ours = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database_of_session}'"  # noqa: S608
    assert postgres.execute(of_ours)[0][0] <= 32


# --- a server that dies --------------------------------------------------------------------------------------


def test_a_killed_server_is_unavailable_and_what_was_written_is_there_when_it_is_back(
    opened: Callable[..., SqlTable], postgres: Cluster
) -> None:
    table = opened()
    table.put({"pk": "p", "sk": "s"})
    postgres.kill()
    for call in (lambda: table.get("p", "s"), lambda: table.put({"pk": "p", "sk": "t"}), table.ping):
        with pytest.raises(Unavailable):
            call()
    postgres.start()
    wait_until(lambda: _answer(table), "the table is back")
    assert table.get("p", "s") == {"pk": "p", "sk": "s"}


def _answer(table: SqlTable) -> bool:
    try:
        table.ping()
    except Unavailable:
        return False
    return True


def test_a_database_that_does_not_exist_or_a_wrong_user_says_so(postgres: Cluster) -> None:
    for url, words in (
        (postgres.url_of("nowhere"), "no such database"),
        (postgres.url.replace("headrace@", "nobody:secret@"), "refuses the user"),
    ):
        with pytest.raises(Unavailable, match=words) as caught:
            SqlTable(url, "config", SystemClock()).ping()
        assert "secret" not in str(caught.value)
