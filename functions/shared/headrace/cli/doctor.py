"""`headrace doctor`: looks at everything that a local set-up needs, and says what to do about what is wrong."""

import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import requests
from rich.console import Console

from headrace import __version__, bootstrap
from headrace.cli.credentials import FILE, Credentials, read_credentials
from headrace.errors import HeadraceError
from headrace.settings import misspelt

State = Literal["ok", "note", "bad"]
_MARKS: dict[State, str] = {"ok": "[green]ok  [/]", "note": "[yellow]note[/]", "bad": "[red]bad [/]"}
_LEAST_FREE_BYTES = 512 * 1024 * 1024
_TIMEOUT_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found."""

    state: State
    words: str


def run_doctor() -> int:
    """Print one line for each look; exit code 1 when anything is bad."""
    console = Console(highlight=False, soft_wrap=True)
    shown: set[Finding] = set()
    for look in _LOOKS:
        for finding in _safely(look):
            if finding in shown:  # one missing file is the answer to several looks
                continue
            shown.add(finding)
            console.print(f"{_MARKS[finding.state]}  ", end="")
            console.print(finding.words, markup=False)
    return int(any(finding.state == "bad" for finding in shown))


def _safely(look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except HeadraceError as problem:
        return [Finding("bad", str(problem))]
    except requests.RequestException as problem:
        return [Finding("bad", f"the runtime broke off: {problem}")]


def _program() -> list[Finding]:
    return [Finding("ok", f"headrace {__version__} on Python {sys.version.split()[0]}")]


def _settings() -> list[Finding]:
    return [Finding("note", f"{name} is no setting: did you mean {meant}?") for name, meant in misspelt().items()]


def _data_dir() -> list[Finding]:
    folder = bootstrap.settings().data_dir
    if not folder.is_dir():
        return [Finding("bad", f"{folder} is not there yet: run `headrace up` or `headrace init`")]
    free = shutil.disk_usage(folder).free
    words = f"{folder.resolve()}, {free // 2**20} MiB free"
    return [Finding("ok" if free > _LEAST_FREE_BYTES else "bad", words)]


def _credentials() -> list[Finding]:
    path = bootstrap.settings().data_dir / FILE
    read_credentials(bootstrap.settings().data_dir)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return [Finding("bad", f"{path} may be read by others (mode {mode:o}): run chmod 600 {path}")]
    return [Finding("ok", f"{path}, only yours to read")]


def _engines() -> list[Finding]:
    if not bootstrap.settings().data_dir.is_dir():  # asking the engines would make it
        return []
    bootstrap.bus().ping()
    bootstrap.table("config").ping()
    engine = bootstrap.settings().expression_engine
    bootstrap.expressions().check("severityNumber >= 17")
    return [Finding("ok", f"the bus and the tables answer, expressions run on {engine}")]


def _runtime() -> list[Finding]:
    credentials = read_credentials(bootstrap.settings().data_dir)
    try:
        health = requests.get(f"{credentials.endpoint}/health", timeout=_TIMEOUT_SECONDS)
    except requests.RequestException:
        return [Finding("note", f"nothing answers at {credentials.endpoint}: run `headrace up`")]
    if health.status_code != 200:
        return [Finding("bad", f"{credentials.endpoint}/health answered {health.status_code}: {health.text[:200]}")]
    return [Finding("ok", f"the runtime at {credentials.endpoint} is healthy"), _key(credentials)]


def _key(credentials: Credentials) -> Finding:
    headers = {"X-API-Key": credentials.api_key, "Content-Type": "application/json"}
    answer = requests.post(f"{credentials.endpoint}/v1/logs", data=b"{}", headers=headers, timeout=_TIMEOUT_SECONDS)
    if answer.status_code == 200:
        return Finding("ok", "it takes the API key")
    return Finding("bad", f"it answers {answer.status_code} to the API key: {answer.text[:200]}")


def _pipeline() -> list[Finding]:
    project_id = read_credentials(bootstrap.settings().data_dir).project_id
    pipeline = bootstrap.configuration().pipeline(project_id)
    if pipeline.agent_endpoint is None:
        return [Finding("note", "no agent: records are kept; run `headrace init --agent-endpoint URL`")]
    for expression in pipeline.program.expressions:
        bootstrap.expressions().check(expression)
    try:
        requests.get(pipeline.agent_endpoint, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException:
        return [Finding("bad", f"nothing answers at the agent's address {pipeline.agent_endpoint}")]
    return [Finding("ok", f"the agent at {pipeline.agent_endpoint} can be reached")]


def _sinks() -> list[Finding]:
    project_id = read_credentials(bootstrap.settings().data_dir).project_id
    sinks = bootstrap.configuration().sinks(project_id)
    if not sinks:
        return [Finding("note", "no sink: what the agent says goes nowhere; run `headrace init --webhook URL`")]
    return [
        Finding("ok", f"sink {sink.name or sink.type} is on")
        if sink.enabled
        else Finding("bad", f"sink {sink.name or sink.type} is off")
        for sink in sinks
    ]


def _queues() -> list[Finding]:
    project_id, names = read_credentials(bootstrap.settings().data_dir).project_id, bootstrap.queues()
    findings = []
    for queue in (names.name(kind, project_id) for kind in names.kinds):
        stats = bootstrap.bus().stats(queue)
        state: State = "note" if stats.dead_letters else "ok"
        words = f"{queue}: {stats.depth} waiting, {stats.in_flight} in work, {stats.dead_letters} given up"
        findings.append(Finding(state, words))
    return findings


_LOOKS = (_program, _settings, _data_dir, _credentials, _engines, _runtime, _pipeline, _sinks, _queues)
