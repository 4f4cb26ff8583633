from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.aws.emulators import LOCALSTACK, MINISTACK, MINISTACK_AUTH, missing_tools, running
from tests.aws.stack import Stack, build, deploy
from tests.fakes.http import HttpStandIn, listening

KINDS = (LOCALSTACK, MINISTACK, MINISTACK_AUTH)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is here needs the emulators: all of it, or none."""
    reason = missing_tools()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.connected)
            if kind := getattr(item, "callspec", None) and item.callspec.params.get("stack"):
                item.add_marker(pytest.mark.xdist_group(kind.name))
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """What `sam build` made, once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    return build(base if worker_id == "master" else base.parent)


@pytest.fixture(
    scope="session",
    params=[pytest.param(kind, id=kind.name) for kind in KINDS],
)
def stack(request: pytest.FixtureRequest, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The deployment on one of the emulators."""
    kind = request.param
    with running(kind, tmp_path_factory.mktemp(kind.name)) as emulator:
        deploy(emulator, built)
        made = Stack(emulator, kind)
        yield made
        assert made.surprises() == []


@pytest.fixture
def listen() -> Iterator[Callable[..., HttpStandIn]]:
    with ExitStack() as servers:
        yield lambda port=0: servers.enter_context(listening(port))


@pytest.fixture
def agent(listen: Callable[..., HttpStandIn]) -> HttpStandIn:
    return listen()


@pytest.fixture
def webhook(listen: Callable[..., HttpStandIn]) -> HttpStandIn:
    return listen()
