"""What `sam build` makes runs where only Lambda's own packages are, and is small."""

import subprocess
from pathlib import Path

import pytest

from headrace.runtime.template import find_template, read_template
from tests.aws.emulators import tool

LIMIT_BYTES = 60_000_000
DEPLOYMENT_ONLY = {"boto3", "botocore", "click", "inquirer", "pip", "setuptools", "six", "wheel", "yaml"}
FUNCTIONS = [function.name for function in read_template(find_template())]


@pytest.fixture
def layer(built: Path) -> Path:
    return built / "SharedLayer" / "python"


def test_the_layer_is_under_60_mb_unpacked(layer: Path) -> None:
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    assert 10_000_000 < size < LIMIT_BYTES


def test_the_layer_has_nothing_that_is_only_for_deploying_or_that_the_runtime_brings(layer: Path) -> None:
    assert not DEPLOYMENT_ONLY & {path.name for path in layer.iterdir()}
    assert not any((layer / "headrace" / part).exists() for part in ("cli", "runtime", "otlp_check"))


def test_the_layer_is_compiled_for_the_functions_python(layer: Path) -> None:
    assert list((layer / "headrace" / "__pycache__").glob("bootstrap.cpython-311.pyc"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_door_opens_with_the_layer_and_what_lambda_brings(function: str, built: Path, layer: Path) -> None:
    """With its clients: what AWS adapters import comes late."""
    adapters = "bus_sqs", "table_dynamodb", "wiring_aws", "secrets_aws", "vault_fernet", "outbound_urllib3"
    program = f"import handler, {', '.join(f'headrace.adapters.{name}' for name in adapters)}; assert handler.handler"
    environment = {"PYTHONPATH": f"{built / function}:{layer}", "AWS_LAMBDA_FUNCTION_NAME": function}
    command = [tool("functions", "python"), "-B", "-W", "error", "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
