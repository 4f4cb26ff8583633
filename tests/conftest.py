"""What holds for all tests."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def bare_environment() -> Iterator[None]:
    """No setting of the machine under test reaches Headrace or its clients: no HEADRACE_ variable and no proxy."""
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith(("HEADRACE_", "GLASSFLOW_", "OTEL_")) or name.lower().endswith("_proxy"):
                environment.delenv(name)
        yield
