"""What is promised in the package's own files holds."""

import inspect
import re
import tomllib
from pathlib import Path

import pytest

import glassflow_ai
import headrace_sdk
from headrace_sdk import Headrace, HeadraceError
from headrace_sdk import _settings as settings

SDK = Path(__file__).parents[2] / "sdk" / "python"
README = (SDK / "README.md").read_text()
PROJECT = tomllib.loads((SDK / "pyproject.toml").read_text())["project"]
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("source", EXAMPLES, ids=range(len(EXAMPLES)))
def test_each_example_of_the_readme_runs(source, receiver, monkeypatch):
    monkeypatch.setenv("HEADRACE_API_KEY", "key")
    monkeypatch.setenv("HEADRACE_ENDPOINT", receiver.url)
    names: dict = {"__name__": "example"}
    exec(source.replace("http://localhost:4318", receiver.url), names)  # noqa: S102  # the README is ours
    sends = "headrace.send_output(\n" in source or "with Headrace" in source
    assert len(receiver.requests) == sends
    if isinstance(names.get("headrace"), Headrace):
        names["headrace"].close()


def test_the_readme_has_each_argument_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \|.*?\| (.*?) \|", README, re.MULTILINE)
    documented = {name: default for name, default in rows if name[0].islower()}
    arguments = inspect.signature(Headrace).parameters
    assert list(documented) == list(arguments)
    for name in ("timeout", "max_retries", "max_retry_after"):
        assert f"| `{arguments[name].default}` |" in next(line for line in README.splitlines() if f"| `{name}`" in line)
    assert settings.DEFAULT_ENDPOINT in README


def test_the_readme_names_each_error():
    for kind in vars(headrace_sdk).values():
        if inspect.isclass(kind) and issubclass(kind, HeadraceError):
            assert f"`{kind.__name__}`" in README or kind is HeadraceError


def test_the_version_is_one_in_code_project_and_changelog():
    assert headrace_sdk.__version__ == PROJECT["version"]
    assert f"## {PROJECT['version']}" in (SDK / "CHANGELOG.md").read_text()


def test_requests_is_the_only_dependency():
    assert [re.split(r"\W", dependency)[0] for dependency in PROJECT["dependencies"]] == ["requests"]


@pytest.mark.parametrize("package", [headrace_sdk, glassflow_ai])
def test_each_package_is_typed_and_exports_what_it_says(package):
    assert Path(package.__file__).with_name("py.typed").exists()
    assert all(hasattr(package, name) for name in package.__all__)
