"""The minimal agent of the seed's documentation, word for word, works against Headrace's contract."""

import socket
from pathlib import Path
from types import ModuleType

import pytest
import requests

from tests.sdk.loopback import PATIENCE_SECONDS, reply
from tests.sdk.serving import serving

PAGE = Path(__file__).with_name("seed_minimal_agent.txt")
RECORDS = [
    {"severityText": "ERROR", "body": "Connection refused"},
    {"severityText": "ERROR", "body": "Timeout"},
]


@pytest.fixture
def agent(receiver, monkeypatch):
    """The agent's base URL. Its own idea of where the receiver is, `receiver:4318`, leads to ours."""
    look_up = socket.getaddrinfo
    port = int(receiver.url.rpartition(":")[2])
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **named: (
            look_up("127.0.0.1", port, type=socket.SOCK_STREAM)
            if (host, *rest[:1]) == ("receiver", 4318)
            else look_up(host, *rest, **named)
        ),
    )
    module = ModuleType("seed_minimal_agent")
    exec(compile(PAGE.read_text(), PAGE.name, "exec"), vars(module))  # noqa: S102  # the page is ours
    with module.gf, serving(module.app) as url:
        yield url


def test_the_minimal_agent_of_the_seed_runs_unchanged_and_its_output_arrives(agent, receiver):
    answer = requests.post(
        f"{agent}/process",
        json=RECORDS,
        headers={"X-Project-ID": "project-1", "X-Request-ID": "batch-7"},
        timeout=PATIENCE_SECONDS,
    )
    assert answer.json() == {"status": "ok"}
    (output,) = receiver.requests
    assert output.path == "/internal/agent-output"
    assert output.json == {"processed": 2, "results": ["..."]}
    assert output.headers["X-API-Key"] == "..."
    assert output.headers["X-Request-ID"] == "batch-7"


def test_the_minimal_agent_tells_the_pipeline_to_come_again_when_its_output_is_refused(agent, receiver):
    receiver.will(reply(401, {"detail": "unknown key"}))
    answer = requests.post(f"{agent}/process", json=RECORDS, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 500
