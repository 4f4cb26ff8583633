"""Several processes on one bus file, some of which die."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from headrace.adapters.bus_sqlite import SqliteBus
from tests.fakes.clock import FakeClock

SCRIPT = Path(__file__).with_name("bus_process.py")
TEN_MINUTES = timedelta(minutes=10)

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bus.db"


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(role: str, name: str, number: str) -> "subprocess.Popen[str]":
        command = [sys.executable, str(SCRIPT), role, str(path), name, number]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def go(*processes: "subprocess.Popen[str]") -> None:
    """Let all of them begin at the same moment."""
    for process in processes:
        assert process.stdout.readline() == "ready \n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()


def said(text: str) -> list[tuple[str, ...]]:
    """The whole lines of a process's output; a process that was killed may leave half a one."""
    return [tuple(line.split()) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def read(process: "subprocess.Popen[str]", lines: int) -> list[tuple[str, ...]]:
    return [tuple(process.stdout.readline().split()) for _ in range(lines)]


def stored(path: Path) -> dict[str, str]:
    """All messages of the file, whoever holds them: their leases have run out by this clock."""
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    with closing(SqliteBus(path, clock, receive_limit=12)) as bus:
        return {each.id: each.body for each in bus.receive("q", limit=1_000_000, lease=TEN_MINUTES)}


def test_processes_publish_and_consume_at_once_without_loss_and_without_a_second_delivery(start, path):
    publishers = [start("publish", f"publisher{number}", "60") for number in range(3)]
    consumers = [start("consume", "consumer", "0") for _ in range(3)]
    go(*publishers, *consumers)
    published = [line for process in publishers for line in said(process.communicate(timeout=60)[0])]
    consumed = [line for process in consumers for line in said(process.communicate(timeout=60)[0])]
    assert len(published) == 180
    assert sorted(consumed) == sorted(published)
    assert stored(path) == {}


def test_every_message_that_a_publisher_had_confirmed_survives_its_kill(start, path):
    confirmed: dict[str, str] = {}
    for turn in range(3):
        publisher = start("publish", f"turn{turn}", "0")
        go(publisher)
        confirmed |= dict(read(publisher, 20))
        publisher.kill()
        confirmed |= dict(said(publisher.communicate(timeout=60)[0]))
    found = stored(path)
    assert len(confirmed) >= 60
    assert confirmed.items() <= found.items()
    assert len(set(found.values())) == len(found)


def test_messages_of_a_consumer_that_was_killed_come_back_when_its_lease_is_over(start, path):
    publisher = start("publish", "p", "5")
    go(publisher)
    published = dict(said(publisher.communicate(timeout=60)[0]))
    consumer = start("hold", "c", "0")
    go(consumer)
    assert dict(read(consumer, 5)) == published
    consumer.kill()
    consumer.communicate(timeout=60)
    with closing(SqliteBus(path, FakeClock(time.time_ns()), receive_limit=12)) as bus:
        assert bus.receive("q", limit=10, lease=TEN_MINUTES) == []
    assert stored(path) == published
