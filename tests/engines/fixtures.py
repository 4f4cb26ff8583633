"""Fixtures for tests with real engines: `from tests.engines.fixtures import nats_server, postgres_url` in a conftest."""

from collections.abc import Iterator

import pytest

from tests.engines.nats import NatsServer


@pytest.fixture(scope="session")
def nats_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def nats_server(nats_of_session: NatsServer) -> NatsServer:
    """One for all tests of a process, empty at the start of each."""
    nats_of_session.wipe()
    return nats_of_session
