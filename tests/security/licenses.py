"""`make licenses`: LICENSES.md, which dependencies `pip install headrace headrace-sdk` brings and under which licences.

From what is installed here (importlib.metadata), with what dependencies need in turn; versions are left out, since any
that the requirements allow may come.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILE = Path(__file__).parents[2] / "LICENSES.md"
ROOTS: dict[str, tuple[str, ...]] = {"headrace": ("apprise", "aws", "nats", "postgres"), "headrace-sdk": ()}
"""With the extras that a deployment may install."""

_CLASSIFIER = "License :: OSI Approved :: "
_LONGEST = 60
_HEAD = """# Licences

Headrace and its SDK are under the [MIT licence](LICENSE). These are the packages that `headrace` (with its extras {})
and `headrace-sdk` install, and what these need in turn. Made by `make licenses`.

| package | licence |
|---|---|
"""


def required() -> dict[str, str]:
    """Names of all required packages as they write themselves, by their canonical names."""
    found: dict[str, str] = {}
    waiting = [(name, extra) for name, extras in ROOTS.items() for extra in ("", *extras)]
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        for needed, extras in _requirements(name, extra):
            found[canonicalize_name(needed)] = distribution(needed).name
            more = {(needed, each) for each in ("", *extras)} - seen
            seen |= more
            waiting += more
    return {key: found[key] for key in sorted(found) if key not in ROOTS}


def _requirements(name: str, extra: str) -> Iterator[tuple[str, set[str]]]:
    for line in distribution(name).requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            try:
                distribution(requirement.name)
            except PackageNotFoundError:
                continue  # for another platform, or an extra that the roots do not name
            yield canonicalize_name(requirement.name), requirement.extras


def licence(name: str) -> str:
    """As the package states it: as an SPDX expression, by classifiers, or in its own words."""
    metadata = distribution(name).metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classified = [each for each in metadata.get_all("Classifier", []) if each.startswith(_CLASSIFIER)]
    if classified:
        return "; ".join(each.removeprefix(_CLASSIFIER) for each in classified)
    stated = re.sub(r"\s+", " ", metadata.get("License") or "")
    return stated[:_LONGEST] or "not stated"


def text() -> str:
    """The whole file."""
    rows = (f"| {name} | {licence(name)} |\n" for name in required().values())
    return _HEAD.format(", ".join(ROOTS["headrace"])) + "".join(rows)


if __name__ == "__main__":
    FILE.write_text(text())
    sys.stdout.write(f"{FILE.name} lists {len(required())} packages\n")
