"""Licences of dependencies are listed, and none of them binds those who use Headrace."""

import re
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.security.licenses import FILE, ROOTS, licence, required

_BINDING = re.compile(r"\b(A?GPL|GNU (Affero )?General Public|SSPL|BUSL|proprietary)", re.IGNORECASE)


def test_every_direct_dependency_is_listed() -> None:
    """Only these: what they need in turn changes with their versions, which are not pinned."""
    listed = {canonicalize_name(name) for name in re.findall(r"^\| (\S+) \|", FILE.read_text(), re.MULTILINE)}
    for root, extras in ROOTS.items():
        for line in distribution(root).requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                assert canonicalize_name(needed.name) in listed, "run `make licenses`"


def test_every_package_states_a_licence() -> None:
    assert [name for name in required() if licence(name) == "not stated"] == []


def test_no_licence_reaches_beyond_its_package() -> None:
    assert [name for name in required() if _BINDING.search(licence(name))] == []


def test_the_dependencies_of_dependencies_are_listed_too() -> None:
    assert {"orjson", "botocore", "cffi", "h11"} <= required().keys()
