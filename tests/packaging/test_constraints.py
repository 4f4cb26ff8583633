"""`constraints.txt` is the set of versions that the tests run with, and everything that installs takes them from it."""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution, version
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FILE = ROOT / "constraints.txt"
LINES = [line for line in FILE.read_text().splitlines() if not line.startswith("#")]
PINNED = dict(line.split("==") for line in LINES)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
INSTALLERS = {"pip", "setuptools", "wheel"}
"""Chalice asks for them; each Python brings its own, and an older one would not do."""


def needed(requirements: Iterable[str]) -> set[str]:
    """Canonical names of all that is installed here because of `requirements`, and of what that needs in turn."""
    found: set[str] = set()
    waiting = [(line, "") for line in requirements]
    seen = set(waiting)
    while waiting:
        line, extra = waiting.pop()
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        try:
            lines = distribution(requirement.name).requires or ()
        except PackageNotFoundError:
            continue  # of an extra that the tests do without
        found.add(canonicalize_name(requirement.name))
        more = {(each, wanted) for each in lines for wanted in ("", *requirement.extras)} - seen
        seen |= more
        waiting += more
    return found - INSTALLERS


def test_each_line_is_a_name_and_a_version_and_they_are_in_order() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[a-z0-9-]+==[0-9][a-z0-9.]*", line)] == []
    assert list(PINNED) == sorted({canonicalize_name(line.split("==")[0]) for line in LINES})


def test_all_that_headrace_and_its_extras_need_has_the_version_that_the_tests_run_with() -> None:
    installed = {name: version(name) for name in needed([*PROJECT["dependencies"], *chain(*EXTRAS.values())])}
    assert {"orjson", "apprise", "psycopg-binary", "botocore", "pluggy"} <= installed.keys()
    assert {name: PINNED.get(name) for name in installed} == installed


def test_every_extra_is_pinned_also_where_it_cannot_be_installed() -> None:
    named = {canonicalize_name(Requirement(line).name) for line in chain(*EXTRAS.values())}
    assert named - PINNED.keys() == set()


def test_every_pin_is_one_that_the_requirements_allow() -> None:
    for requirement in map(Requirement, chain(PROJECT["dependencies"], *EXTRAS.values())):
        assert requirement.specifier.contains(PINNED[canonicalize_name(requirement.name)]), str(requirement)


def test_the_engine_of_expressions_moves_at_all_places_at_once() -> None:
    layer = (ROOT / "functions" / "shared" / "requirements.txt").read_text().splitlines()
    pins = {line for line in [*PROJECT["dependencies"], *layer, *LINES] if line.startswith("jsonatapy")}
    assert pins == {f"jsonatapy=={version('jsonatapy')}"}


def test_environments_the_layer_and_the_image_take_their_versions_from_it() -> None:
    assert (ROOT / "functions" / "shared" / "constraints.txt").read_text() == FILE.read_text()
    for place in ("Makefile", "functions/shared/Makefile", "infra/docker/Dockerfile"):
        text = (ROOT / place).read_text().replace("\\\n", " ")
        own = [line for line in text.splitlines() if "pip install" in line and ".venv-" not in line]
        assert own, place
        assert [line for line in own if "--constraint constraints.txt" not in line] == [], place
