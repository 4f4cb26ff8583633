"""What the README says about containers is run, on engines that the test starts."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.docs.test_readme import Shell, blocks
from tests.engines.fixtures import nats_of_session, nats_server, postgres
from tests.engines.nats import NatsServer
from tests.engines.postgres import Cluster
from tests.engines.server import free_port
from tests.fakes.http import HttpStandIn, listening
from tests.flow.logs import marks
from tests.flow.waiting import wait_until

__all__ = ["nats_of_session", "nats_server", "postgres"]

pytestmark = pytest.mark.connected


@pytest.fixture
def agent() -> Iterator[HttpStandIn]:
    with listening(0) as made:
        yield made


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    yield made
    made.end()


def test_a_receiver_and_two_workers_bring_what_is_sent_to_the_agent(
    shell: Shell, agent: HttpStandIn, nats_server: NatsServer, postgres: Cluster
) -> None:
    (block,) = [text for text in blocks("sh") if "headrace serve" in text]
    _, *commands = block.strip().splitlines()  # all packages are here already
    here = {
        "nats://127.0.0.1:4222": nats_server.url,
        "postgresql://headrace@127.0.0.1:5432/headrace": postgres.new_database(f"readme_{uuid4().hex}"),
        "http://127.0.0.1:8000": agent.url,
        "4319": str(free_port()),
        "4320": str(free_port()),
    }
    text = "\n".join(["set -e", *commands[:-1], "wait"])
    for there, found in here.items():
        assert there in text
        text = text.replace(there, found)
    terminal = shell.start(text)
    for _ in range(3):
        terminal.wait_for("Headrace is ready at")
    (endpoint,) = re.findall(r"--port (\d+)", shell.fitted("--port 4318"))
    shell.start(f"{commands[-1]} --endpoint http://127.0.0.1:{endpoint}").wait_for("sent 100 logs")
    wait_until(lambda: len(set(marks(agent.records))) > 0 and len(agent.records) >= 100, "the agent has them all")
