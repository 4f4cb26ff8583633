"""The wheel works outside the checkout: functions and template come with it."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w"]
    subprocess.run([*command, str(folder), str(ROOT)], check=True)
    (built,) = folder.glob("headrace-*.whl")
    return built


def test_the_wheel_holds_every_function_and_the_template_but_no_tests(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    for handler in (ROOT / "functions").glob("*/handler.py"):
        assert f"headrace/_bundle/functions/{handler.parent.name}/handler.py" in names
    assert "headrace/_bundle/template.yaml" in names
    assert not [name for name in names if name.startswith(("tests/", "sdk/"))]


def test_an_installed_wheel_runs_the_demo_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)
    site = next(environment.glob("lib/python*/site-packages"))
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    # The dependencies come from this environment; what is installed here in editable mode does not come along.
    paths = {"PYTHONPATH": sysconfig.get_path("purelib")}
    demo = subprocess.run(
        [environment / "bin" / "python", "-m", "headrace.cli", "demo"],
        cwd=tmp_path, env={**os.environ, **paths}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert demo.returncode == 0, demo.stderr
    assert "ConnectionPoolExhausted" in demo.stdout
