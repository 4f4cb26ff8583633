"""The SQLite bus beyond its contract: the file, its commits, what goes wrong with it. Processes: the next module."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from headrace.adapters.bus_sqlite import SqliteBus, SqliteWiring, file
from headrace.adapters.bus_sqlite.bus import _GIVE_UP
from headrace.errors import Unavailable
from headrace.ports.bus import Message, QueueStats
from headrace.ports.wiring import Subscription
from tests.fakes.clock import FakeClock

LEASE = timedelta(seconds=20)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "down" / "bus.db"


@pytest.fixture
def bus(path: Path, clock: FakeClock) -> Iterator[SqliteBus]:
    with closing(SqliteBus(path, clock, receive_limit=3)) as bus:
        yield bus


@contextmanager
def write_lock(path: Path) -> Iterator[None]:
    """What another process does that writes for a long time."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that a connection opened from now on executes."""
    seen: list[str] = []
    connect = file._connect

    def traced(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.set_trace_callback(seen.append)
        return connection

    monkeypatch.setattr(file, "_connect", traced)
    return seen


def test_the_folder_is_made_for_its_owner_only(bus, path):
    bus.publish("q", [Message("a")])
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_is_made_before_the_first_use(bus, path):
    assert not path.parent.exists()


def test_what_was_published_is_there_after_closing_and_opening_again(bus, path, clock):
    (message_id,) = bus.publish("q", [Message("a", {"k": "v"})])
    bus.dead_letter("q", [Message("b")], "why")
    bus.close()
    assert [each.id for each in bus.receive("q", limit=9, lease=LEASE)] == [message_id]
    bus.close()
    with closing(SqliteBus(path, clock, receive_limit=3)) as other:
        assert other.stats("q") == QueueStats(depth=0, in_flight=1, dead_letters=1)


def test_closing_twice_and_closing_what_was_never_opened_is_fine(bus):
    bus.close()
    bus.publish("q", [Message("a")])
    bus.close()
    bus.close()


def test_closing_leaves_no_thread_behind(bus):
    bus.publish("q", [Message("a")])
    thread = bus._file._open().thread
    bus.close()
    assert not thread.is_alive()


def test_what_has_waited_longest_comes_first(bus, clock):
    bus.publish("q", [Message("delayed")], delay=timedelta(seconds=9))
    clock.advance(seconds=5)
    bus.publish("q", [Message("second")])
    clock.advance(seconds=9)
    assert [bus.receive("q", limit=1, lease=LEASE)[0].body for _ in range(2)] == ["second", "delayed"]


def test_a_publish_under_way_ends_before_the_file_closes(bus, path):
    bus.publish("q", [Message("first")])
    with ThreadPoolExecutor(9) as pool:
        with write_lock(path):  # holds the writer back, so that closing comes in between
            published = [pool.submit(bus.publish, "q", [Message(str(number))]) for number in range(8)]
            closed = pool.submit(bus.close)
        assert all(future.result(30) for future in published)
        closed.result(30)
    assert bus.stats("q").depth == 9


def test_publishers_at_once_share_commits(bus, path, statements):
    bus.publish("q", [Message("first")])
    statements.clear()
    with ThreadPoolExecutor(8) as pool:
        with write_lock(path):  # as a slow disk would: publishers come while a commit is under way
            futures = [pool.submit(bus.publish, "q", [Message("0")])]
            _wait_until(lambda: "BEGIN IMMEDIATE" in statements)
            futures += [pool.submit(bus.publish, "q", [Message(str(number))]) for number in range(1, 8)]
            _wait_until(lambda: bus._file._open().writes.qsize() == 7)
        assert len({future.result(30)[0] for future in futures}) == 8
    assert statements.count("COMMIT") == 2
    assert bus.stats("q").depth == 9


def test_eight_publishing_threads_cost_clearly_fewer_commits_than_messages(bus, statements):
    barrier = threading.Barrier(8)

    def work(_: int) -> None:
        barrier.wait(30)
        for number in range(50):
            bus.publish("q", [Message(str(number))])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert bus.stats("q").depth == 400
    assert 0 < statements.count("COMMIT") < 300


def test_publishing_waits_for_the_disk_and_receiving_does_not(bus, statements):
    bus.publish("q", [Message("a")])
    assert "PRAGMA synchronous = FULL" in statements
    statements.clear()
    bus.acknowledge(bus.receive("q", limit=1, lease=LEASE))
    assert "PRAGMA synchronous = FULL" not in statements
    for durable in (
        lambda: bus.dead_letter("q", [Message("a")], "why"),
        lambda: bus.redrive("q"),
        lambda: bus.discard("q"),
    ):
        statements.clear()
        durable()
        assert "PRAGMA synchronous = FULL" in statements


def test_a_write_that_cannot_be_done_fails_alone(bus, path, statements):
    bus.publish("q", [Message("first")])
    statements.clear()
    with ThreadPoolExecutor(4) as pool:
        with write_lock(path):
            first = pool.submit(bus.publish, "q", [Message("in the way")])
            _wait_until(lambda: "BEGIN IMMEDIATE" in statements)
            good = pool.submit(bus.publish, "q", [Message("good")])
            bad = pool.submit(bus.publish, "q", [Message("bad"), Message(object())])
            also_good = pool.submit(bus.publish, "q", [Message("also good")])
            _wait_until(lambda: bus._file._open().writes.qsize() == 3)
        assert all(len(each.result(30)) == 1 for each in (first, good, also_good))
        assert isinstance(bad.exception(30), Unavailable)
    assert sorted(each.body for each in bus.receive("q", limit=9, lease=LEASE)) == [
        "also good",
        "first",
        "good",
        "in the way",
    ]


def test_no_cursor_leaves_the_thread_that_writes(bus, monkeypatch):
    # One that ends on another thread resets a statement that is in use, and somebody else's write fails.
    results = []
    write = bus._file.write
    monkeypatch.setattr(bus._file, "write", lambda *work, **how: results.append(write(*work, **how)) or results[-1])
    bus.publish("q", [Message("a"), Message("b")])
    messages = bus.receive("q", limit=2, lease=LEASE)
    bus.extend(messages, LEASE)
    bus.retry_later(messages[:1], LEASE)
    bus.release(messages)
    bus.acknowledge(messages)
    bus.dead_letter("q", [Message("c"), Message("d")], "why")
    bus.redrive("q", [])
    bus.discard("q")
    assert len(results) >= 9
    assert not any(isinstance(result, sqlite3.Cursor) for result in results)


def test_a_file_that_another_process_keeps_locked_is_unavailable_and_then_works_again(bus, path, monkeypatch):
    monkeypatch.setattr(file, "BUSY_TIMEOUT_SECONDS", 0)
    bus.publish("q", [Message("a")])
    with write_lock(path):
        with pytest.raises(Unavailable, match="locked"):
            bus.publish("q", [Message("b")])
        assert bus.stats("q").depth == 1  # readers never wait
    bus.publish("q", [Message("c")])
    assert sorted(each.body for each in bus.receive("q", limit=9, lease=LEASE)) == ["a", "c"]


def test_a_long_look_at_the_queues_keeps_nobody_from_publishing(bus):
    bus.publish("q", [Message("a")])
    looking, seen = threading.Event(), threading.Event()
    bus._file._open().reader.create_function("look", 0, lambda: looking.set() or seen.wait(60))
    with ThreadPoolExecutor(2) as pool:
        look = pool.submit(bus._file.read, "SELECT look()")
        assert looking.wait(60)
        published = pool.submit(bus.publish, "q", [Message("b")])
        try:
            assert published.result(60)
        finally:
            seen.set()
        assert look.result() == [(1,)]


def test_a_full_disk_is_unavailable_keeps_what_there_is_and_then_works_again(bus):
    bus.publish("q", [Message("before")])
    bus._file.write(lambda db: db.execute("PRAGMA max_page_count = 20").fetchall(), durable=False)
    with pytest.raises(Unavailable, match="full"):
        bus.publish("q", [Message("x" * 1_000_000)])
    assert [each.body for each in bus.receive("q", limit=9, lease=LEASE)] == ["before"]
    bus._file.write(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchall(), durable=False)
    bus.publish("q", [Message("x" * 1_000_000)])


def test_what_is_not_a_database_is_unavailable_and_left_as_it_is(bus, path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody's diary, not a database " * 50)
    for call in (bus.ping, bus.due, lambda: bus.publish("q", [Message("a")])):
        with pytest.raises(Unavailable, match="not a database"):
            call()
    assert path.read_bytes().startswith(b"somebody's diary")


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path, clock):
    (tmp_path / "file").write_text("in the way")
    bus = SqliteBus(tmp_path / "file" / "bus.db", clock, receive_limit=3)
    with pytest.raises(Unavailable, match="cannot be used"):
        bus.ping()


def test_a_folder_in_the_place_of_the_file_is_unavailable(bus, path):
    path.mkdir(parents=True)
    with pytest.raises(Unavailable, match="unable to open"):
        bus.publish("q", [Message("a")])


def test_a_file_that_may_not_be_written_is_unavailable(bus, monkeypatch):
    # Not by file modes, which mean nothing to the user that containers run tests as.
    connect = file._connect

    def read_only(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute("PRAGMA query_only = ON")
        return connection

    monkeypatch.setattr(file, "_connect", read_only)
    with pytest.raises(Unavailable, match="readonly"):
        bus.publish("q", [Message("a")])


def test_what_always_fails_comes_back_later_and_later(bus, clock):
    patient = SqliteBus(bus._file._path, clock, receive_limit=100)
    patient.publish("q", [Message("a")])
    waits = []
    for _ in range(11):
        patient.release(patient.receive("q", limit=1, lease=LEASE))
        waited = 0
        while not patient.due():
            clock.advance(seconds=1)
            waited += 1
        waits.append(waited)
    patient.close()
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_queue_that_is_no_longer_wanted_goes_with_its_messages_and_dead_letters(bus, path):
    for queue in ("kept", "gone", "nobody's"):
        bus.publish(queue, [Message("a")])
        bus.dead_letter(queue, [Message("b")], "why")
    with closing(SqliteWiring(path)) as wiring:
        wiring.reconcile("1", [Subscription("kept", "raw"), Subscription("gone", "output")])
        wiring.reconcile("1", [Subscription("kept", "raw")])
    assert bus.stats("gone") == QueueStats(0, 0, 0)
    assert bus.stats("kept") == bus.stats("nobody's") == QueueStats(1, 0, 1)


def test_what_came_for_a_project_after_its_queues_were_gone_goes_when_that_is_said_again(bus, path):
    with closing(SqliteWiring(path)) as wiring:
        wiring.reconcile("1", [Subscription("gf-ai-raw-1", "raw")])
        wiring.reconcile("1", [])
        for queue in ("gf-ai-raw-1", "gf-ai-raw-11", "gf-ai-raw-2"):
            bus.publish(queue, [Message("late")])
            bus.dead_letter(queue, [Message("late")], "why")
        wiring.reconcile("1", [])
    counts = {queue: bus.stats(queue) for queue in ("gf-ai-raw-1", "gf-ai-raw-11", "gf-ai-raw-2")}
    assert [(each.depth, each.dead_letters) for each in counts.values()] == [(0, 0), (1, 1), (1, 1)]


def _wait_until(condition) -> None:
    """Bounded; looks again as often as others get to run."""
    tick = threading.Event()
    for _ in range(3000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("waited in vain")


def test_a_write_ahead_log_that_a_long_read_let_grow_becomes_small_again(
    path: Path, bus: SqliteBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "_CHECKPOINT_PAGES", 10)
    monkeypatch.setattr(file, "_LARGEST_IDLE_LOG_BYTES", 100_000)
    log = path.with_name("bus.db-wal")
    bus.publish("q", [Message("first")])
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT COUNT(*) FROM messages").fetchall()
        bus.publish("q", [Message("x" * 1000)] * 1000)
        assert log.stat().st_size > 1_000_000
        other.rollback()
        for _ in range(3):
            bus.publish("q", [Message("later")])
        assert log.stat().st_size <= 100_000


def test_what_was_delivered_too_often_is_looked_for_among_few_however_deep_the_queue_is(path):
    with closing(SqliteBus(path, FakeClock(), receive_limit=3)) as bus:
        bus.publish("q", [Message("x")])
        with closing(sqlite3.connect(path)) as connection:
            plan = str(connection.execute(f"EXPLAIN QUERY PLAN {_GIVE_UP}", ("q", 1, 3)).fetchall())
    assert "SEARCH messages USING INDEX messages_received (queue=? AND receive_count>?)" in plan
