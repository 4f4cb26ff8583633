"""The scores of other OTLP/HTTP receivers: `python -m tests.benchmarks.peers.otlp_check [NAME …]`.

Each is installed from its package registry into a folder of its own below `--folder`, started on this machine,
checked, and ended. Rows of the README's table go to standard output, whole reports into the folder.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from headrace.otlp_check import Amounts, Report, check

_PATIENCE_SECONDS = 180
_NO_TELEMETRY = {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "PHOENIX_TELEMETRY_ENABLED": "false",
                 "PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1"}  # fmt: skip

_GENKIT = """
const server = require('@genkit-ai/telemetry-server');
const folder = { storeRoot: "FOLDER/data", indexRoot: "FOLDER/data" };
server.startTelemetryServer({
  port: PORT, traceStore: new server.LocalFileTraceStore(folder), logStore: new server.LocalFileLogStore(folder),
});
"""
_PROMPTFOO = """
description: keeps the receiver up while it is checked
prompts: [wait]
providers: ["exec: FOLDER/wait.sh"]
tests: [{vars: {}}]
tracing: {enabled: true, otlp: {http: {enabled: true, host: 127.0.0.1, port: PORT}}}
"""


@dataclass(frozen=True)
class Peer:
    """How to get and start one; PORT and FOLDER in `start`, `environment` and `files` are filled in."""

    package: str
    npm: bool
    start: Sequence[str]
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def install(self, folder: Path) -> None:
        """Into the folder, unless it is there."""
        if (folder / "installed").exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        if self.npm:
            _run("npm", "install", "--silent", "--prefix", str(folder), self.package)
        else:
            _run(sys.executable, "-m", "venv", str(folder))
            _run(str(folder / "bin/pip"), "install", "--quiet", self.package)
        (folder / "installed").touch()

    def version(self, folder: Path) -> str:
        """Of what is installed."""
        if self.npm:
            manifest = folder / "node_modules" / self.package / "package.json"
            return str(json.loads(manifest.read_text())["version"])
        program = f"import importlib.metadata as m; print(m.version({self.package!r}))"
        return subprocess.check_output([folder / "bin/python", "-c", program], text=True).strip()

    @contextmanager
    def running(self, folder: Path) -> Iterator[str]:
        """The URL below which it takes OTLP, while it runs."""
        port = _free_port()
        shutil.rmtree(folder / "data", ignore_errors=True)  # what an earlier run left would slow this one
        (folder / "data").mkdir()

        def filled(text: str) -> str:
            return text.replace("PORT", str(port)).replace("FOLDER", str(folder))

        for name, text in self.files.items():
            (folder / name).write_text(filled(text))
            (folder / name).chmod(0o755)
        environment = {**os.environ, **_NO_TELEMETRY, **{name: filled(text) for name, text in self.environment.items()}}
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [filled(word) for word in self.start], cwd=folder, env=environment,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}{self.path}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


PEERS = {
    "phoenix": Peer(
        "arize-phoenix", npm=False, start=("FOLDER/bin/phoenix", "serve"),
        environment={"PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": "PORT", "PHOENIX_GRPC_PORT": "0",
                     "PHOENIX_WORKING_DIR": "FOLDER/data"},
    ),
    "mlflow": Peer(
        "mlflow", npm=False, headers=(("X-Mlflow-Experiment-Id", "0"),),
        start=("FOLDER/bin/mlflow", "server", "--host", "127.0.0.1", "--port", "PORT", "--workers", "1",
               "--backend-store-uri", "sqlite:///FOLDER/data/mlflow.db"),
    ),
    "promptfoo": Peer(
        "promptfoo", npm=True, start=("FOLDER/node_modules/.bin/promptfoo", "eval", "--no-cache"),
        environment={"PROMPTFOO_CONFIG_DIR": "FOLDER/data"},
        files={"promptfooconfig.yaml": _PROMPTFOO, "wait.sh": f"#!/bin/sh\nexec sleep {_PATIENCE_SECONDS * 2}\n"},
    ),
    "genkit": Peer(
        "@genkit-ai/telemetry-server", npm=True, path="/api/otlp", start=("node", "start.cjs"),
        files={"start.cjs": _GENKIT},
    ),
}  # fmt: skip


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < ends:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise SystemExit(f"nothing listens on {port}; its log is in its folder")


def _row(name: str, version: str, report: Report) -> str:
    cells = [f"{name} {version}, {datetime.now(UTC):%Y-%m-%d}"]
    for signal_ in report.signals:
        must, should = report.score(signal_, "MUST"), report.score(signal_, "SHOULD")
        told = f"{must.percent} % of {must.passed + must.failed}, {should.percent} % of {should.passed + should.failed}"
        cells.append(told if must.percent is not None else "not served")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Check the peers that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(PEERS), metavar="NAME", help=", ".join(PEERS))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "headrace-peers")
    options = parser.parse_args()
    for name in options.names:
        peer, folder = PEERS[name], options.folder.resolve() / name
        peer.install(folder)
        with peer.running(folder) as url:
            report = check(url, peer.headers, amounts=Amounts(timeout_seconds=60))
        (folder / "report.json").write_text(json.dumps(report.to_json(), indent=2))
        print(_row(peer.package, peer.version(folder), report), flush=True)


if __name__ == "__main__":
    main()
