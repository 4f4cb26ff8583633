from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fakes.http import HttpStandIn, listening
from tests.flow.deployment import Deployment


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path)
    yield made
    made.close()


@pytest.fixture
def listen() -> Iterator[Callable[..., HttpStandIn]]:
    """More stand-ins than the two below."""
    with ExitStack() as servers:
        yield lambda port=0: servers.enter_context(listening(port))


@pytest.fixture
def agent(listen: Callable[..., HttpStandIn]) -> HttpStandIn:
    return listen()


@pytest.fixture
def webhook(listen: Callable[..., HttpStandIn]) -> HttpStandIn:
    return listen()
