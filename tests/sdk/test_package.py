"""What is promised in the package's own files holds."""

import importlib.util
import inspect
import json
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

import glassflow_ai
import headrace_sdk
from headrace_sdk import Headrace, HeadraceError
from headrace_sdk import _settings as settings
from headrace_sdk.asgi import agent
from headrace_sdk.testing import call_agent
from tests.sdk.serving import serving

SDK = Path(__file__).parents[2] / "sdk" / "python"
README = (SDK / "README.md").read_text()
PROJECT = tomllib.loads((SDK / "pyproject.toml").read_text())["project"]
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
FILES = dict(re.findall(r"In `(\w+\.py)`:\n\n```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE))
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
RECORDS = [{"resourceAttributes": {"service.name": "shop"}}]


def example(words: str) -> str:
    (source,) = [source for source in EXAMPLES if words in source]
    return source


def run(source: str) -> dict:
    names: dict = {"__name__": "example"}
    exec(source, names)  # noqa: S102  # the README is ours
    return names


def test_the_examples_of_the_client_run_and_send_one_output_each(outputs):
    for source in (example("print(receipt.status"), example("except UnavailableError")):
        fitted = source.replace("http://localhost:4318", outputs.url).replace("your-project-api-key", outputs.api_key)
        run(fitted).get("headrace").close()
    assert [output.payload["summary"] for output in outputs.outputs] == [
        "Database connection pool exhausted",
        "Disk full",
    ]


@pytest.mark.parametrize(
    ("words", "app", "path"),
    [("sorted(services)}\n", "triage", "/process"), ("triage.lifespan", "app", "/triage/process"),
     ("with answering", "app", "/process")],
)  # fmt: skip
def test_the_agents_of_the_readme_answer_their_batch(outputs, words, app, path):
    with serving(run(example(words))[app]) as url:
        assert call_agent(f"{url}{path}", RECORDS, request_id="batch-7").ok
        (output,) = outputs.wait_for_outputs()
    assert output.payload.get("title") == "1 errors" or output.payload["summary"] == "1 records looked at"
    assert output.request_id == "batch-7"


def test_the_tests_of_the_readme_pass(tmp_path):
    assert list(FILES) == ["triage.py", "test_triage.py"]
    for name, source in FILES.items():
        (tmp_path / name).write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "-n", "0", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_verifying_example_takes_signed_requests_only(monkeypatch):
    monkeypatch.setenv("SIGNING_SECRETS", f"{SECRET} whsec_bm90IHRoZSBzYW1lIHNlY3JldCBhdCBhbGw=")
    with serving(run(example("HTTPException"))["app"]) as url:
        assert call_agent(f"{url}/process", RECORDS, secrets=SECRET).json()["id"].startswith("msg_")
        assert call_agent(f"{url}/process", RECORDS).status_code == 401


@pytest.mark.parametrize(("heading", "function"), [("An agent is a function", agent), ("Settings", Headrace)])
def test_the_readme_has_each_argument_with_its_default(heading, function):
    (section,) = re.findall(rf"^## {heading}\n(.*?)^## ", README, re.DOTALL | re.MULTILINE)
    documented = dict(re.findall(r"^\| `(\w+)` \|(.*)\|", section, re.MULTILINE))
    arguments = inspect.signature(function).parameters
    assert list(documented) == list(arguments)
    for name, argument in arguments.items():
        default = json.dumps(argument.default) if isinstance(argument.default, str) else repr(argument.default)
        assert argument.default is None or f"| `{default}` |" in f"|{documented[name]}|", name
    assert settings.DEFAULT_ENDPOINT in README


def test_the_readme_names_each_error():
    for kind in vars(headrace_sdk).values():
        if inspect.isclass(kind) and issubclass(kind, HeadraceError):
            assert f"`{kind.__name__}`" in README or kind is HeadraceError


def test_the_version_is_one_in_code_project_and_changelog():
    assert headrace_sdk.__version__ == PROJECT["version"]
    assert f"## {PROJECT['version']}" in (SDK / "CHANGELOG.md").read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w"]
    subprocess.run([*command, str(folder), str(SDK)], check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_is_typed_and_asks_for_requests_alone(wheel):
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [archive.read(name).decode() for name in names if name.endswith("METADATA")]
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert needed == ["Requires-Dist: requests>=2.32.3"]
    assert {"headrace_sdk/py.typed", "glassflow_ai/py.typed"} <= set(names)
    assert {name.partition("/")[0] for name in names if "dist-info" not in name} == {"headrace_sdk", "glassflow_ai"}


def test_the_wheel_works_where_there_is_nothing_but_requests_and_what_it_brings(wheel, tmp_path):
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)
    site = next(environment.glob("lib/python*/site-packages"))
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    for package in ("requests", "urllib3", "idna", "certifi", "charset_normalizer"):
        (site / package).symlink_to(Path(importlib.util.find_spec(package).origin).parent)
    (tmp_path / "triage.py").write_text(FILES["triage.py"])
    program = [environment / "bin" / "python", "-I", "-W", "error", "-c", TRY_EVERYTHING, str(tmp_path)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("['2 errors', 'all']\n", "")


TRY_EVERYTHING = """
import os, sys
from glassflow_ai import GlassFlow
from headrace_sdk.testing import FakeReceiver, run_agent
sys.path.append(sys.argv[1])
from triage import triage
with FakeReceiver() as receiver:
    os.environ |= receiver.environment
    run_agent(triage, [{"resourceAttributes": {"service.name": name}} for name in ("cart", "shop")])
    with GlassFlow() as client:
        client.send_output(payload={"title": "all"})
    print([output.payload["title"] for output in receiver.outputs])
"""


@pytest.mark.parametrize("package", [headrace_sdk, glassflow_ai])
def test_each_package_is_typed_and_exports_what_it_says(package):
    assert Path(package.__file__).with_name("py.typed").exists()
    assert all(hasattr(package, name) for name in package.__all__)
