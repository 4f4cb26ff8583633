"""The commands, as a person or a script runs them."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIG_IGN, SIGINT, getsignal
from typing import Any

import pytest

from tests.fakes.http import HttpStandIn
from tests.flow.deployment import Deployment
from tests.flow.logs import KEEP_ERRORS, marks
from tests.flow.process import READY, Process, Runtime, headrace, surprises
from tests.flow.waiting import wait_until

Start = Callable[..., Any]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "stderr.log"


@pytest.fixture
def start(data_dir: Path, log: Path) -> Iterator[Start]:
    """Start `headrace up` on `data_dir`, or any command that runs until it is told to stop."""
    processes: list[Process] = []

    def begin(*arguments: object, port: int = 0) -> Process:
        made = Process(log, *arguments, "--data-dir", data_dir) if arguments else Runtime(data_dir, log, port=port)
        processes.append(made)
        return made

    yield begin
    for process in reversed(processes):
        process.close()
    assert surprises(log) == []


def test_a_setting_that_is_misspelt_is_told_once(data_dir: Path, log: Path) -> None:
    runtime = Runtime(data_dir, log, HEADRACE_LOGLEVEL="INFO")
    assert runtime.url
    assert runtime.stop() == 0
    (line,) = log.read_text().splitlines()
    told = json.loads(line)
    assert (told["event"], told["name"], told["did_you_mean"]) == (
        "setting_not_known",
        "HEADRACE_LOGLEVEL",
        "HEADRACE_LOG_LEVEL",
    )


def test_the_first_start_prints_credentials_once_and_keeps_them_for_its_owner_only(
    start: Start, data_dir: Path
) -> None:
    first = start()
    assert first.url
    file = data_dir / "credentials.json"
    credentials = json.loads(file.read_text())
    assert set(credentials) == {"endpoint", "email", "password", "project_id", "api_key"}
    assert credentials["endpoint"] == first.url
    for shown in ("email", "password", "project_id", "api_key"):
        assert any(credentials[shown] in line for line in first.lines)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert first.stop() == 0
    second = start()
    assert second.url
    assert second.lines == [READY + second.url]
    assert json.loads(file.read_text()) == {**credentials, "endpoint": second.url}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_port_that_is_taken_is_a_clear_error(start: Start, data_dir: Path) -> None:
    port = start().url.rpartition(":")[2]
    refused = headrace("up", "--port", port, "--data-dir", data_dir)
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["send"], "headrace up"),
        (["tail"], "headrace up"),
        (["send", "--endpoint", "http://127.0.0.1:9", "--api-key", "hr_x"], "http://127.0.0.1:9"),
        (["init", "--agent-endpoint", "nonsense"], "agent_endpoint"),
        (["init", "--filter", "severityNumber =="], "filter"),
        (["init", "--filter", "a == b && c"], "="),
    ],
    ids=[
        "send without a runtime",
        "tail without a runtime",
        "nobody there",
        "no URL",
        "no JSONata",
        "another language",
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_1(data_dir: Path, arguments: list[str], words: str) -> None:
    failed = headrace(*arguments, "--data-dir", data_dir)
    assert failed.returncode == 1
    assert words in failed.stderr
    assert failed.stderr.startswith("headrace: ")
    assert "Traceback" not in failed.stderr


def test_init_can_be_repeated_while_the_runtime_is_up(
    start: Start, data_dir: Path, agent: HttpStandIn, webhook: HttpStandIn
) -> None:
    assert start().url
    for _ in range(2):
        done = headrace("init", "--agent-endpoint", agent.url, "--webhook", webhook.url, "--data-dir", data_dir)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count(webhook.url) == 1
    done = headrace("init", "--filter", KEEP_ERRORS, "--data-dir", data_dir)
    assert agent.url in done.stdout
    assert KEEP_ERRORS in done.stdout
    sent = headrace(
        "send", "--file", "-", "--data-dir", data_dir, stdin='{"body": "bad", "severityNumber": 17}\nplain\n'
    )
    assert sent.stdout.startswith("sent 2 logs to http://127.0.0.1:")
    agent.wait_for(1)
    assert marks(agent.records) == ["bad"]


def test_init_before_the_first_start_makes_the_project_that_up_serves(
    start: Start, data_dir: Path, agent: HttpStandIn
) -> None:
    assert headrace("init", "--agent-endpoint", agent.url, "--data-dir", data_dir).returncode == 0
    runtime = start()
    url = runtime.url
    assert runtime.lines == [READY + url]
    assert headrace("send", "--count", "3", "--data-dir", data_dir).returncode == 0
    agent.wait_for(1)
    assert len(agent.records) == 3


def test_send_names_the_line_that_is_no_record(data_dir: Path, start: Start) -> None:
    assert start().url
    failed = headrace("send", "--file", "-", "--data-dir", data_dir, stdin='fine\n{"traceId": "no hex"}\n')
    assert failed.returncode == 1
    assert "line 2" in failed.stderr


def test_tail_shows_as_json_lines_what_flows(
    deployment: Deployment, agent: HttpStandIn, webhook: HttpStandIn, log: Path
) -> None:
    deployment.pipeline(agent.url, filter=KEEP_ERRORS)
    deployment.sink(webhook.url)
    runtime = deployment.start()
    tail = Process(log, "tail", "--json", "--data-dir", deployment.data_dir)
    try:
        while_listening = ["send", "--file", "-", "--data-dir", deployment.data_dir]
        wait_until(lambda: headrace(*while_listening, stdin="plain\n") and tail.lines, "the feed is open")
        assert headrace(*while_listening, stdin='{"body": "bad", "severityNumber": 17}\n').returncode == 0
        assert deployment.post(runtime, "/internal/agent-output", b'{"title": "found"}').status_code == 202
        for kind in ("received", "filtered", "batch", "output", "sink"):
            event = json.loads(tail.wait_for_line(f'"event": "{kind}"'))
            assert event["project_id"] == deployment.project_id
        assert runtime.stop() == 0
        assert tail.wait() == 0
    finally:
        tail.close()


@pytest.mark.skipif(getsignal(SIGINT) is SIG_IGN, reason="the tests run in the background, where Ctrl-C is ignored")
def test_tail_ends_quietly_with_ctrl_c(start: Start, data_dir: Path) -> None:
    assert start().url
    tail = start("tail")
    tail.wait_for_line("listening to")
    wait_until(lambda: headrace("send", "--data-dir", data_dir) and len(tail.lines) > 1, "the feed is open")
    tail.signal(SIGINT)
    assert tail.wait() == 0


def test_doctor_is_content_with_a_set_up_that_works(
    start: Start, data_dir: Path, agent: HttpStandIn, webhook: HttpStandIn
) -> None:
    assert start().url
    headrace("init", "--agent-endpoint", agent.url, "--webhook", webhook.url, "--data-dir", data_dir)
    told = headrace("doctor", "--data-dir", data_dir)
    assert (told.returncode, told.stderr) == (0, "")
    assert {line.split()[0] for line in told.stdout.splitlines()} == {"ok"}


def test_doctor_says_what_is_wrong(data_dir: Path) -> None:
    empty = headrace("doctor", "--data-dir", data_dir)
    assert empty.returncode == 1
    assert "is not there yet" in empty.stdout
    headrace("init", "--agent-endpoint", "http://127.0.0.1:9/process", "--data-dir", data_dir)
    (data_dir / "credentials.json").chmod(0o644)
    told = headrace("doctor", "--data-dir", data_dir)
    assert told.returncode == 1
    for words in ("chmod 600", "nothing answers at the agent's address", "run `headrace up`", "--webhook URL"):
        assert words in told.stdout
