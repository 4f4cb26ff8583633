"""Each adapter is loaded by those who chose it, and by nobody else: a cold start is paid for by its imports."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHOSEN = {
    "sqlalchemy",
    "requests",
    "urllib3",
    "jsonatapy",
    "jsonata",
    "sqlite3",
    "uvicorn",
    "typer",
    "rich",
    "yaml",
    "argon2",
    "botocore",
    "boto3",
}


def modules_after(program: str, folder: Path, **environment: str) -> set[str]:
    """The names of all modules that a fresh process has loaded after `program`."""
    ran = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sorted(sys.modules))"],
        cwd=ROOT,
        env={"HEADRACE_DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(ran.stdout.split())


def loaded_by(program: str, folder: Path, **environment: str) -> set[str]:
    """Those of CHOSEN that a fresh process has loaded after `program`."""
    return CHOSEN & {name.partition(".")[0] for name in modules_after(program, folder, **environment)}


@pytest.mark.parametrize("function", ["receiver", "agent_output", "pipeline", "sink"])
def test_importing_a_door_loads_no_adapter(function, tmp_path):
    assert loaded_by(f"import functions.{function}.handler", tmp_path) == set()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("function", ["agent_output", "sink", "control_plane", "upkeep"])
def test_protobuf_is_loaded_by_those_only_who_take_or_read_requests(function, tmp_path):
    assert not {"google.protobuf", "opentelemetry"} & modules_after(f"import functions.{function}.handler", tmp_path)
    for reader in ("receiver", "pipeline", "traces"):
        assert "google.protobuf" in modules_after(f"import functions.{reader}.handler", tmp_path)


def test_importing_the_wiring_loads_no_adapter(tmp_path):
    assert loaded_by("import headrace.bootstrap", tmp_path) == set()


@pytest.mark.parametrize(
    ("chosen", "needs"),
    [
        ("bus()", {"sqlite3"}),
        ("wiring()", {"sqlite3"}),
        ("table('config')", {"sqlalchemy", "sqlite3"}),
        ("outbound()", {"urllib3"}),
        ("expressions()", {"jsonatapy"}),
        ("clock()", set()),
        ("settings()", set()),
    ],
)
def test_choosing_an_adapter_loads_what_it_needs_and_nothing_of_the_others(chosen, needs, tmp_path):
    assert loaded_by(f"from headrace import bootstrap; bootstrap.{chosen}", tmp_path) == needs


@pytest.mark.parametrize("chosen", ["bus()", "wiring()", "table('config')"])
def test_engines_on_aws_load_botocore_and_nothing_of_the_embedded_ones(chosen, tmp_path):
    on_aws = {"HEADRACE_BUS": "sqs://", "HEADRACE_STORE": "dynamodb://"}
    program = f"from headrace import bootstrap; bootstrap.{chosen}"
    assert loaded_by(program, tmp_path, **on_aws) - {"urllib3"} == {"botocore"}
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_loads_a_command_when_it_is_called(tmp_path):
    heavy = {"sqlalchemy", "requests", "urllib3", "jsonatapy", "sqlite3", "uvicorn", "argon2", "yaml"}
    assert loaded_by("import headrace.cli.app", tmp_path) & heavy == set()
