"""Those who write the history down: the agent and the clients note what happened, also when it goes wrong."""

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import requests

from tests.chaos import agent as agents
from tests.chaos.agent import Agent
from tests.chaos.history import History, Sent, Took, read
from tests.chaos.load import Load
from tests.chaos.member import CLOCKS
from tests.fakes.http import hang_up, listening, reply

BODY = orjson.dumps([{"body": "1"}, {"body": "broken 4998"}])


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path / "history.jsonl")
    yield made
    made.close()


def written(history: History) -> list[object]:
    history.close()
    return list(read(history.path))


# --- the agent -----------------------------------------------------------------------------------------------


@pytest.fixture
def agent(history: History) -> Iterator[Agent]:
    with agents.listening(history) as made:
        yield made


@pytest.mark.parametrize(
    ("mood", "status", "done"),
    [("", 202, True), ("agent fails", 500, False), ("agent throttles", 429, False), ("agent refuses", 400, False)],
)
def test_the_agent_notes_what_it_took_and_only_a_202_is_done(
    agent: Agent, history: History, mood: str, status: int, done: bool
) -> None:
    agent.mood = mood
    answer = requests.post(agent.url, data=BODY, headers={"X-Request-ID": "a"}, timeout=10)
    assert answer.status_code == status
    (took,) = written(history)
    assert isinstance(took, Took)
    assert (took.request_id, took.records, took.done) == ("a", [1, 4998], done)


@pytest.mark.parametrize(
    ("mood", "done"),
    [("agent stops half-way", False), ("agent is silent", False), ("agent says 202 and no more", True)],
)
def test_an_answer_that_does_not_end_is_done_only_when_its_status_was_202(
    agent: Agent, history: History, mood: str, done: bool
) -> None:
    agent.mood = mood
    with pytest.raises(requests.RequestException):
        requests.post(agent.url, data=BODY, headers={"X-Request-ID": "a"}, timeout=1)
    (took,) = written(history)
    assert isinstance(took, Took)
    assert took.done is done


# --- the clients ---------------------------------------------------------------------------------------------


def test_a_client_tries_again_until_it_is_acknowledged_and_notes_every_attempt(history: History) -> None:
    with listening() as receiver:
        receiver.will(reply(503, Retry_After="0"), hang_up, reply(200))
        load = Load([receiver.url], {"X-API-Key": "k"}, history, seed=1, rate=1_000_000)
        load.start(clients=1)
        load.wait_for(1)
        load.stop()
    first, second, third, *_ = written(history)
    assert [each.status for each in (first, second, third) if isinstance(each, Sent)] == [503, 0, 200]
    assert {each.first for each in (first, second, third) if isinstance(each, Sent)} == {0}


# --- the false clock -----------------------------------------------------------------------------------------


def test_a_process_with_a_false_clock_is_off_by_what_the_file_says(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_bytes(struct.pack("<q", 3600 * 10**9))
    environment = {**os.environ, "PYTHONPATH": str(CLOCKS), "FALSE_CLOCK": str(clock)}
    program = "import os, time; print(time.time() - os.times().elapsed, time.time_ns() / 1e9 - time.time())"
    plain, false = (
        subprocess.run([sys.executable, "-c", program], env=each, capture_output=True, text=True, check=True).stdout
        for each in (os.environ, environment)
    )
    off, between = (float(b) - float(a) for a, b in zip(plain.split(), false.split(), strict=True))
    assert off == pytest.approx(3600, abs=60)
    assert between == pytest.approx(0, abs=1)
