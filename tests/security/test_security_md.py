"""What SECURITY.md claims is shown by tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", TEXT)))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=lambda part: part)
def test_a_test_that_is_named_is_there(file: str, test: str) -> None:
    assert f"def {test}(" in (ROOT / "tests" / file).read_text()


def test_enough_is_claimed_for_this_to_be_a_threat_model() -> None:
    assert len(NAMED) >= 50


def test_every_setting_that_it_names_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in re.findall(r"HEADRACE_[A-Z_]+", TEXT) if f"| `{name}` |" not in readme] == []
