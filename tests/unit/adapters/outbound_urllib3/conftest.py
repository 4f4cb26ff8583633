"""Everything that a test opens is closed after it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.unit.adapters.outbound_urllib3.offline import Offline


@pytest.fixture
def offline() -> Iterator[Callable[..., Offline]]:
    """Makes an `Offline`."""
    with ExitStack() as stack:
        yield lambda *answers, **how: stack.enter_context(Offline(*answers, **how))
