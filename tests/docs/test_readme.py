"""The README is run: its commands, its programs, its settings table."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from importlib.metadata import distribution
from pathlib import Path
from threading import Thread

import pytest

from headrace.otlp_check.run import CHECKS
from headrace.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 60

_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_PROGRAM = re.compile(r"`(\w+\.py)`[^`]*?```python\n(.*?)```", re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for found, text in _BLOCK.findall(README) if found == language]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Terminal:
    """A shell command whose output can be waited for; ended with its children when the test is over."""

    def __init__(self, command: str, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["bash", "-c", command], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self.lines: list[str] = []

    def wait_for(self, words: str) -> str:
        """The line that holds `words`; fails when the command ends without it, or takes too long."""
        found: list[str] = []

        def read() -> None:
            for line in self.process.stdout or ():
                self.lines.append(line)
                if words in line:
                    found.append(line)
                    return

        reader = Thread(target=read, daemon=True)
        reader.start()
        reader.join(PATIENCE_SECONDS)
        assert found, f"{words!r} is not in\n{''.join(self.lines)}"
        return found[0]

    def end(self) -> None:
        os.killpg(self.process.pid, 15)
        self.process.communicate(timeout=PATIENCE_SECONDS)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator["Shell"]:
    made = Shell(tmp_path)
    yield made
    made.end()


class Shell:
    """Runs commands of the README in a folder of their own, on free needs, with the programs of this environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = {port: str(free_port()) for port in ("4318", "8000", "9000")}
        self._running: list[Terminal] = []

    def fitted(self, text: str) -> str:
        for port, free in self._ports.items():
            text = re.sub(rf"\b{port}\b", free, text)
        return text.replace(".venv/bin/", f"{BIN}/").replace("headrace up", f"headrace up --port {self._ports['4318']}")

    def start(self, command: str) -> Terminal:
        terminal = Terminal(self.fitted(command), self.folder)
        self._running.append(terminal)
        return terminal

    def end(self) -> None:
        for terminal in reversed(self._running):
            terminal.end()


def test_make_demo_is_headrace_demo_and_reaches_the_webhook(shell: Shell) -> None:
    (command,) = [block.strip() for block in blocks("sh") if block.startswith("make")]
    assert command == "make demo"
    assert re.search(r"^demo:.*\n\t@\$\(BIN\)/headrace demo$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    demo = shell.start(".venv/bin/headrace demo")
    demo.wait_for("The webhook got the agent's finding")
    demo.wait_for("headrace init")


def test_the_readers_own_agent_finds_the_error_and_the_webhook_shows_it(shell: Shell) -> None:
    _, up, own, try_and_look, *_ = blocks("sh")
    for name, program in _PROGRAM.findall(README):
        (shell.folder / name).write_text(shell.fitted(program))
    shell.start(up).wait_for("Headrace is ready at")
    install, *commands = own.strip().splitlines()
    _assert_installed(install)
    session = shell.start("\n".join(_patiently(commands)))
    assert "shop" in session.wait_for("arrived: {")
    send, tail, doctor = try_and_look.strip().splitlines()
    watching = shell.start(tail)
    watching.wait_for("listening")
    shell.start(send).wait_for("sent 100 logs")
    watching.wait_for("delivered")
    shell.start(doctor).wait_for("0 given up")


def test_a_langgraph_program_and_spans_of_ones_own_become_runs_with_what_went_wrong(shell: Shell) -> None:
    (block,) = [block for block in blocks("sh") if "graph.py" in block]
    programs = dict(_PROGRAM.findall(README))
    for name in ("graph.py", "desk.py"):
        (shell.folder / name).write_text(programs[name])
    shell.start(blocks("sh")[1]).wait_for("Headrace is ready at")
    install, environment, graph, runs = block.strip().splitlines()
    _assert_installed(install)
    until_all_are_there = f"until [ $({runs} 2>/dev/null | wc -l) -gt 3 ]; do sleep 0.2; done; {runs}"
    both = "\n".join([environment, graph, graph.replace("graph.py", "desk.py"), until_all_are_there])
    terminal = shell.start(both)
    assert "clerk" in terminal.wait_for("generic")
    assert "tool_error" in terminal.wait_for("no airport there')")
    terminal.wait_for("completed")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_team_is_set_up_with_curl_alone(shell: Shell) -> None:
    (manage,) = [block for block in blocks("sh") if "curl" in block]
    shell.start(blocks("sh")[1]).wait_for("Headrace is ready at")
    answers = shell.start(re.sub(r"(?m)^curl -s (.*[^n])$", r"curl -sS --fail-with-body \1; echo", manage))
    answers.wait_for('"key":"hr_')
    answers.wait_for('"kept":true')
    answers.wait_for('"version":1')
    answers.wait_for('"type":"webhook"')
    answers.wait_for('"accepted":0')


def test_the_command_line_manages_over_the_api(shell: Shell) -> None:
    (manage,) = [block for block in blocks("sh") if "key create" in block]
    shell.start(blocks("sh")[1]).wait_for("Headrace is ready at")
    send = ".venv/bin/headrace send --count 3\n"  # so that there is something to try the filter on
    terminal = shell.start("set -e\n" + send + manage)
    terminal.wait_for("hr_")
    terminal.wait_for("http://127.0.0.1")
    terminal.wait_for("accepted")
    terminal.wait_for("sealed with the newest key")


def test_headrace_passes_its_own_check_of_otlp(shell: Shell) -> None:
    assert f"Each of its {len(CHECKS)} results" in README
    (block,) = [block for block in blocks("sh") if "otlp-check" in block]
    shell.start(blocks("sh")[1]).wait_for("Headrace is ready at")
    quick = block.replace(" --json", " --signals logs --json")  # tests/flow has all of them
    report = shell.start(f"set -e\n{quick}echo kept every MUST")
    assert report.wait_for("logs: MUST").count("(100 %)") == 2
    report.wait_for("kept every MUST")
    assert (shell.folder / "report.json").exists()


def _patiently(commands: list[str]) -> Iterator[str]:
    """A reader types slower than a script: after each server, wait until it answers."""
    for command in commands:
        yield command
        if port := re.search(r"--port (\d+) &$", command):
            yield f"until (exec 3<>/dev/tcp/127.0.0.1/{port[1]}) 2>/dev/null; do sleep 0.1; done"
    yield "wait"


def _assert_installed(command: str) -> None:
    program, verb, *packages = command.split()
    assert (program, verb) == (".venv/bin/pip", "install")
    for package in packages:
        assert distribution("headrace-sdk" if package == "./sdk/python" else package)


def test_every_setting_is_in_the_table_with_its_default_and_meaning() -> None:
    rows = re.findall(rf"^\| `({PREFIX}\w+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    expected = [
        (PREFIX + each.name.upper(), f"`{each.default}`" if each.default != "" else "", each.metadata["meaning"])
        for each in fields(Settings)
    ]
    assert rows == expected


def test_every_folder_that_the_readme_names_is_there() -> None:
    names = re.findall(r"^\| `([\w/]+/|\w+\.yaml)` \|", README, re.MULTILINE)
    assert len(names) >= 5
    assert [name for name in names if not (ROOT / name).exists()] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_words_of_the_makefile_are_those_of_the_readme() -> None:
    for word in ("demo", "test", "check", "bench"):
        assert f"`make {word}`" in README or f"make {word}\n" in README
        subprocess.run(["make", "-n", word], cwd=ROOT, check=True, capture_output=True)
