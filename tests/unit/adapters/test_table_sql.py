"""SqlTable beyond the contract: processes, crashes, disks and locks that fail, and how SQLite is asked."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from headrace.adapters.table_sql import SqlTable
from headrace.adapters.table_sql.migrations import MIGRATIONS
from headrace.errors import ConfigError, Unavailable
from headrace.ports.table import ABSENT, Put, Range, Update

NOW_S = 1_700_000_000
PROCESSES = 4
IMPATIENT = timedelta(milliseconds=20)

COUNTER = """
for _ in range(50):
    table.update(Update("p", "s", add={"n": 1}))
"""
ENDLESS_WRITER = """
n = 0
while True:
    n += 1
    table.transact([Update("p", sk, set={"n": n, "data": "x" * 5000}) for sk in ("a", "b")])
    print(n, flush=True)
"""
PRELUDE = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from headrace.adapters.table_sql import SqlTable
from headrace.ports.table import Update
class Clock:
    def now_unix_nano(self): return 0
table = SqlTable(sys.argv[2], "config", Clock())
print("ready", flush=True)
sys.stdin.readline()
"""


class Clock:
    def now_unix_nano(self) -> int:
        return NOW_S * 1_000_000_000


Opener = Callable[..., SqlTable]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Opener]:
    """Opens tables in `path`, and closes them after the test."""
    with ExitStack() as stack:

        def open_table(name: str = "config", url: str = f"sqlite:///{path}", **how: Any) -> SqlTable:
            table = SqlTable(url, name, Clock(), **how)
            stack.callback(table.close)
            return table

        yield open_table


@contextmanager
def process(url: str, program: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has imported everything and runs `program` once it gets a line."""
    command = [sys.executable, "-c", PRELUDE + program, json.dumps([*sys.path, str(Path.cwd())]), url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            yield running
        finally:
            running.kill()


@contextmanager
def on_connect(prepare: Callable[[sqlite3.Connection], object]) -> Iterator[None]:
    def listener(connection: sqlite3.Connection, _: object) -> None:
        prepare(connection)

    sa.event.listen(sa.Pool, "connect", listener)
    try:
        yield
    finally:
        sa.event.remove(sa.Pool, "connect", listener)


def rows(path: Path, table: str = "headrace_config") -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


# Processes


def test_counters_lose_nothing_when_processes_start_on_a_new_file_and_add_at_once(path: Path, opened: Opener) -> None:
    with ExitStack() as stack:
        running = [stack.enter_context(process(f"sqlite:///{path}", COUNTER)) for _ in range(PROCESSES)]
        for one in running:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        assert [one.wait() for one in running] == [0] * PROCESSES
    found = opened().get("p", "s")
    assert found is not None
    assert found["n"] == PROCESSES * 50


def test_a_process_killed_while_writing_leaves_a_good_database_with_all_that_it_acknowledged(
    path: Path, opened: Opener
) -> None:
    for acknowledged in (1, 7, 40):
        with process(f"sqlite:///{path}", ENDLESS_WRITER) as writer:
            assert writer.stdin is not None
            assert writer.stdout is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
            while int(writer.stdout.readline()) < acknowledged:
                pass
            writer.kill()
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        one, other = opened().query(Range("p")).items
        assert one["n"] == other["n"] >= acknowledged


# What fails


def test_a_file_that_is_not_a_database_is_unavailable_and_stays_as_it_is(path: Path, opened: Opener) -> None:
    path.write_bytes(b"a letter to my aunt\n" * 100)
    with pytest.raises(Unavailable, match="not a database"):
        opened().get("p", "s")
    assert path.read_bytes() == b"a letter to my aunt\n" * 100


def test_a_directory_that_does_not_exist_is_unavailable_and_told_without_its_path(
    tmp_path: Path, opened: Opener
) -> None:
    with pytest.raises(Unavailable, match="cannot be opened") as raised:
        opened(url=f"sqlite:///{tmp_path}/none/store.db").ping()
    assert str(tmp_path) not in str(raised.value)
    assert raised.value.__cause__ is not None


def test_a_table_works_as_soon_as_what_was_missing_is_there(tmp_path: Path, opened: Opener) -> None:
    table = opened(url=f"sqlite:///{tmp_path}/late/store.db")
    with pytest.raises(Unavailable):
        table.ping()
    (tmp_path / "late").mkdir()
    table.put({"pk": "p", "sk": "s"})
    assert table.get("p", "s") == {"pk": "p", "sk": "s"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_is_unavailable(tmp_path: Path, opened: Opener) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Unavailable, match=r"cannot be opened|may not be written"):
        opened().put({"pk": "p", "sk": "s"})


def test_a_read_only_file_can_be_read_and_is_unavailable_for_writes(path: Path, opened: Opener) -> None:
    opened().put({"pk": "p", "sk": "s"})
    read_only = opened(url=f"sqlite:///file:{path}?mode=ro&uri=true")
    assert read_only.get("p", "s") is not None
    for write in (
        lambda: read_only.put({"pk": "p", "sk": "t"}),
        lambda: read_only.update(Update("p", "s", set={"a": 1})),
        lambda: read_only.delete("p", "s"),
    ):
        with pytest.raises(Unavailable, match="may not be written"):
            write()


def test_a_full_disk_is_unavailable_for_what_does_not_fit_and_loses_nothing(opened: Opener) -> None:
    with on_connect(lambda connection: connection.execute("PRAGMA max_page_count=40")):
        table = opened()
        stored = _fill(table)
        with pytest.raises(Unavailable, match="disk is full"):
            table.update(Update("p", "big", set={"d": "x" * 50_000}))
        assert stored > 0
        assert len(table.query(Range("p")).items) == 2 * stored
        table.delete("p", "000a")
        assert len(table.query(Range("p")).items) == 2 * stored - 1


def _fill(table: SqlTable) -> int:
    """Puts pairs until the disk is full; how many pairs were acknowledged."""
    stored = 0

    def put_pair() -> None:
        table.transact([Put({"pk": "p", "sk": f"{stored:03}{half}", "d": "x" * 5000}) for half in "ab"])

    with pytest.raises(Unavailable, match="disk is full"):  # noqa: PT012 - which of the pairs fails is not known
        while True:
            put_pair()
            stored += 1
    return stored


def test_a_file_locked_by_another_process_is_unavailable_for_writes_and_can_be_read(path: Path, opened: Opener) -> None:
    table = opened(lock_timeout=IMPATIENT)
    table.put({"pk": "p", "sk": "s"})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for write in (
            lambda: table.put({"pk": "p", "sk": "t"}),
            lambda: table.update(Update("p", "s", add={"n": 1})),
            lambda: table.transact([Put({"pk": "p", "sk": "t"}, ABSENT)]),
        ):
            with pytest.raises(Unavailable, match="other writers"):
                write()
        assert table.query(Range("p")).items == [{"pk": "p", "sk": "s"}]
        other.execute("ROLLBACK")
    table.put({"pk": "p", "sk": "t"})


def test_beside_an_endless_writer_an_older_schema_is_unavailable_and_a_present_one_opens(
    path: Path, opened: Opener
) -> None:
    opened("config").ping()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        opened("telemetry", lock_timeout=IMPATIENT).ping()
        other.execute("ROLLBACK")
        other.execute("DROP TABLE headrace_migrations")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="other writers"):
            opened(url=f"sqlite:///{path}?timeout=1", lock_timeout=IMPATIENT).ping()


def test_a_file_from_before_there_were_versions_keeps_what_it_holds(path: Path, opened: Opener) -> None:
    opened().put({"pk": "p", "sk": "s"})
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE headrace_migrations")
    assert opened(url=f"sqlite:///{path}?timeout=1").get("p", "s") == {"pk": "p", "sk": "s"}
    assert rows(path, "headrace_migrations") == len(MIGRATIONS)


def test_a_damaged_file_is_unavailable(path: Path, opened: Opener) -> None:
    table = opened()
    for number in range(50):
        table.put({"pk": "p", "sk": str(number), "d": "x" * 1000})
    table.close()
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(Unavailable, match="damaged"):
        opened().query(Range("p"))


def test_a_server_that_refuses_connections_is_unavailable(opened: Opener) -> None:
    pytest.importorskip("psycopg", reason="PostgreSQL is an extra")
    table = opened(url="postgresql://someone:secret@127.0.0.1:1/none")
    with pytest.raises(Unavailable, match="cannot be reached") as raised:
        table.ping()
    assert "secret" not in str(raised.value)


# Settings


@pytest.mark.parametrize("url", ["", "store.db", "sqlite://", "sqlite:///:memory:", "mysql://host/db", "nonsense://x"])
def test_a_url_that_cannot_hold_tables_is_a_configuration_error_at_once(url: str) -> None:
    with pytest.raises(ConfigError):
        SqlTable(url, "config", Clock())


@pytest.mark.parametrize("name", ["", "a b", "Config", "x; DROP TABLE y", "a" * 41])
def test_a_name_that_is_no_plain_word_is_a_configuration_error(name: str, path: Path) -> None:
    with pytest.raises(ConfigError):
        SqlTable(f"sqlite:///{path}", name, Clock())


def test_postgresql_without_its_driver_is_a_configuration_error_that_names_it(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match="psycopg"):
        opened(url="postgresql://someone@127.0.0.1:1/other").ping()


# Life


def test_nothing_is_opened_before_the_first_call(path: Path, opened: Opener) -> None:
    table = opened()
    assert not path.exists()
    table.ping()
    assert path.exists()


def test_two_tables_in_one_file_are_apart_and_closing_one_leaves_the_other_open(opened: Opener) -> None:
    config, telemetry = opened("config"), opened("telemetry")
    config.put({"pk": "p", "sk": "s", "from": "config"})
    assert telemetry.get("p", "s") is None
    config.close()
    config.close()
    telemetry.put({"pk": "p", "sk": "s", "from": "telemetry"})
    assert config.get("p", "s") == {"pk": "p", "sk": "s", "from": "config"}


def test_purge_removes_what_has_expired_chunk_by_chunk_and_nothing_else(path: Path, opened: Opener) -> None:
    table = opened()
    for number in range(25):
        table.put({"pk": "p", "sk": f"old{number}", "expires_at": NOW_S})
    table.put({"pk": "p", "sk": "future", "expires_at": NOW_S + 1})
    table.put({"pk": "p", "sk": "forever"})
    assert rows(path) == 27
    assert table.purge(chunk=10) == 25
    assert table.purge() == 0
    assert rows(path) == 2
    assert [one["sk"] for one in table.query(Range("p")).items] == ["forever", "future"]


# How SQLite is asked


def test_every_connection_writes_ahead_and_through_to_the_disk(opened: Opener) -> None:
    found = []

    def look(connection: sqlite3.Connection, _: object) -> None:
        names = ("journal_mode", "synchronous", "journal_size_limit")
        found.append([connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names])

    sa.event.listen(sa.Pool, "checkin", look)
    try:
        opened().put({"pk": "p", "sk": "s"})
    finally:
        sa.event.remove(sa.Pool, "checkin", look)
    assert found
    assert all(one == ["wal", 2, 32 * 1024 * 1024] for one in found)


def test_every_statement_finds_its_rows_by_an_index_and_sorts_none(path: Path, opened: Opener) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _k: object, sql: str, values: Any, _x: object, many: bool) -> None:
        asked.append((sql, values[0] if many else values))

    table = opened()
    table.ping()
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        _use_everything(table)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    kinds = ("SELECT", "UPDATE", "DELETE")
    with closing(sqlite3.connect(path)) as connection:
        for sql, values in asked:
            if sql.startswith(kinds):
                plan = str(connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall())
                assert "SCAN headrace" not in plan, sql
                assert "TEMP B-TREE" not in plan, sql
    assert {sql.split()[0] for sql, _ in asked} >= {*kinds, "INSERT"}


def _use_everything(table: SqlTable) -> None:
    for sk in "abcd":
        table.put({"pk": "p", "sk": sk, "gsi_pk": "g", "gsi_sk": sk, "expires_at": NOW_S + 1})
    table.get("p", "a")
    table.batch_get([("p", "a"), ("p", "b")])
    table.update(Update("p", "a", set={"x": 1}))
    table.transact([Update("p", sk, set={"x": 1}) for sk in "ab"])
    for index in (False, True):
        for descending in (False, True):
            for bounds in ({"prefix": "a"}, {"low": "a"}, {"high": "d"}, {}):
                range_ = Range("g" if index else "p", **bounds)
                page = table.query(range_, limit=1, descending=descending, index=index)
                if page.next_cursor:
                    table.query(range_, cursor=page.next_cursor, descending=descending, index=index)
    table.delete("p", "a")
    table.purge()
