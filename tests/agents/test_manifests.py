"""Dockerfiles, Compose file and Kubernetes manifests, checked without an engine: by linter and published schemas."""

import json
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from packaging.requirements import Requirement

from error_summary.settings import Settings
from tests.agents.agent_process import FOLDER, ROOT

K8S = FOLDER / "k8s"
DOCKERFILES = sorted(FOLDER.glob("*Dockerfile"))
COMPOSE = yaml.safe_load((FOLDER / "docker-compose.yml").read_text())
SDK_VARIABLES = {"HEADRACE_API_KEY", "GLASSFLOW_API_KEY", "HEADRACE_ENDPOINT", "GLASSFLOW_ENDPOINT"}
VARIABLES = {name.upper() for name in Settings.model_fields} | SDK_VARIABLES
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent))


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((K8S / name).read_text())


# --- images --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(HADOLINT is None, reason="hadolint has no wheel for this machine")
@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_the_linter_has_nothing_to_say_about_a_dockerfile(dockerfile: Path) -> None:
    found = subprocess.run([HADOLINT, dockerfile], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def sources_of(dockerfile: Path) -> list[str]:
    """What it copies from the repository."""
    lines = [line.split() for line in dockerfile.read_text().splitlines() if line.startswith("COPY ")]
    sources = [source for line in lines if "--from=build" not in line for source in line[1:-1]]
    assert sources
    return sources


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_what_a_dockerfile_copies_is_there_and_not_ignored(dockerfile: Path) -> None:
    sources = sources_of(dockerfile)
    kept = {line[1:] for line in Path(f"{dockerfile}.dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert kept == set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_no_container_runs_as_root(dockerfile: Path) -> None:
    users = [line for line in dockerfile.read_text().splitlines() if line.startswith("USER ")]
    assert users == ["USER 10001:10001"]


def test_the_image_of_the_runtime_has_all_that_the_wheel_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel, facts = project["tool"]["hatch"]["build"]["targets"]["wheel"], project["project"]
    needed = [*wheel["packages"], *wheel["force-include"], facts["readme"], *facts["license-files"], "pyproject.toml"]
    sources = sources_of(FOLDER / "runtime.Dockerfile")
    assert [each for each in needed if not any(f"{each}/".startswith(f"{source}/") for source in sources)] == []


def test_the_requirements_are_those_that_the_tests_ran_with() -> None:
    lines = [line for line in (FOLDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    for requirement in map(Requirement, lines):
        assert requirement.specifier.contains(version(requirement.name)), requirement


# --- compose -------------------------------------------------------------------------------------------------


def test_the_compose_file_is_valid_and_sets_only_what_the_agent_reads() -> None:
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(COMPOSE, json.loads(schema.read_text()))
    assert set(COMPOSE["services"]["agent"]["environment"]) <= VARIABLES
    for service in COMPOSE["services"].values():
        if build := service.get("build"):
            assert (FOLDER / build["context"] / build["dockerfile"]).resolve() in DOCKERFILES


def test_the_setup_of_the_compose_file_makes_a_key_and_a_pipeline(tmp_path: Path) -> None:
    """Its script is run as it is, with folders of the test in the place of the volumes."""
    setup = COMPOSE["services"]["setup"]
    program, option = setup["entrypoint"]
    script = setup["command"][0].replace("$$", "$").replace("/keys/", f"{tmp_path}/")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HEADRACE_DATA_DIR": str(tmp_path / "data"),
        "WEBHOOK_URL": "http://127.0.0.1:9/hook",
    }
    done = subprocess.run([program, option, script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "http://agent:8000/process" in done.stdout
    assert "http://127.0.0.1:9/hook" in done.stdout
    key = tmp_path / "headrace-api-key"
    assert key.read_text().startswith("hr_")
    assert key.stat().st_mode & 0o077 == 0


# --- kubernetes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["deployment.yaml", "service.yaml", "secret.template.yaml"])
def test_a_manifest_is_valid(name: str) -> None:
    kubernetes_validate.validate(read(name), kubernetes_validate.latest_version(), strict=True)


def test_the_kustomization_names_every_manifest_but_the_template() -> None:
    named = set(read("kustomization.yaml")["resources"])
    assert named == {path.name for path in K8S.glob("*.yaml")} - {"kustomization.yaml", "secret.template.yaml"}


def test_the_manifests_fit_one_another_and_the_agent() -> None:
    deployment, service, secret = map(read, ("deployment.yaml", "service.yaml", "secret.template.yaml"))
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    labels = pod["metadata"]["labels"]
    assert labels == service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]
    assert {each["name"] for each in container["env"]} <= VARIABLES
    references = [each["valueFrom"]["secretKeyRef"] for each in container["env"] if "valueFrom" in each]
    assert {each["name"] for each in references} == {secret["metadata"]["name"]}
    assert {each["key"] for each in references} == set(secret["stringData"])
    assert [each["key"] for each in references if not each.get("optional")] == ["headrace-api-key"]
    assert container["securityContext"]["readOnlyRootFilesystem"]


def test_the_grace_period_is_longer_than_the_agent_takes_to_end() -> None:
    longest_sending_seconds = 40
    pod = read("deployment.yaml")["spec"]["template"]["spec"]
    needed = Settings.model_fields["shutdown_seconds"].default + longest_sending_seconds
    assert pod["terminationGracePeriodSeconds"] > needed
