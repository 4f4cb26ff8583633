"""Every target holds on what hypothesis makes; `make fuzz` goes on for longer."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.targets import TARGETS

_EXAMPLES = 40
"""Enough to notice when a target is broken: finding what is rare is what `make fuzz` is for."""


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_the_target_holds(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(target.inputs)
    def check(data: bytes) -> None:
        target.check(data)

    check()
