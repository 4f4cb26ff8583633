"""Licences of dependencies are listed, and none of them binds those who use Headrace."""

import re

from tests.security.licenses import FILE, licence, required, text

_BINDING = re.compile(r"\b(A?GPL|GNU (Affero )?General Public|SSPL|BUSL|proprietary)", re.IGNORECASE)


def test_the_list_is_up_to_date() -> None:
    assert FILE.read_text() == text(), "run `make licenses`"


def test_every_package_states_a_licence() -> None:
    assert [name for name in required() if licence(name) == "not stated"] == []


def test_no_licence_reaches_beyond_its_package() -> None:
    assert [name for name in required() if _BINDING.search(licence(name))] == []


def test_the_dependencies_of_dependencies_are_listed_too() -> None:
    assert {"orjson", "botocore", "cffi", "starlette"} <= required().keys()
