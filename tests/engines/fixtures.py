"""Fixtures for tests with real engines, to be imported by a conftest."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.engines.aws_proxy import AwsProxy, in_front_of
from tests.engines.ministack import Ministack
from tests.engines.nats import NatsServer
from tests.engines.postgres import Cluster


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One for all tests of a process."""
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def database_of_session(postgres: Cluster) -> str:
    name = f"tests_{uuid4().hex}"
    postgres.new_database(name)
    return name


@pytest.fixture
def postgres_url(postgres: Cluster, database_of_session: str) -> str:
    """A database without any tables."""
    postgres.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public", database_of_session)
    return postgres.url_of(database_of_session)


@pytest.fixture(scope="session")
def ministack_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    server = Ministack(tmp_path_factory.mktemp("ministack"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def ministack(ministack_of_session: Ministack, monkeypatch: pytest.MonkeyPatch) -> Ministack:
    """One for all tests of a process, empty at the start of each, where boto3 finds it."""
    for name, value in ministack_of_session.client_environment.items():
        monkeypatch.setenv(name, value)
    ministack_of_session.wipe()
    return ministack_of_session


@pytest.fixture
def aws_proxy(ministack: Ministack, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsProxy]:
    """Between boto3 and MiniStack."""
    with in_front_of(ministack.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy
