"""`headrace serve` on NATS and PostgreSQL: replicas, and everything that can die, dies."""

import os
from collections.abc import Iterator
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from threading import Event
from uuid import uuid4

import pytest
import requests

from headrace.adapters.table_sql import migrate
from tests.engines.fixtures import postgres
from tests.engines.nats import NatsServer
from tests.engines.postgres import Cluster
from tests.fakes.http import HttpStandIn, hang, hang_until, reply
from tests.flow.deployment import Deployment
from tests.flow.load import Load
from tests.flow.logs import KEEP_ERRORS, errors, marks
from tests.flow.process import Runtime, headrace
from tests.flow.test_crashes import SEED, assert_nothing_is_lost, ragged
from tests.flow.waiting import wait_until

__all__ = ["postgres"]

pytestmark = pytest.mark.connected

ACK_WAIT_SECONDS = 3.0
RECEIVING, WORKING = "receiver,agent_output,control_plane", "pipeline,sink,upkeep"
FERNET_KEY = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
SHARED = {
    "jwt_keys": "test:" + "x" * 32,
    "encryption_keys": FERNET_KEY,
    "outbound_allow_private": "true",
    "key_cache_seconds": 0.0,
    "nats_ack_wait_seconds": ACK_WAIT_SECONDS,
}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsServer]:
    """One of its own for each test: it is killed."""
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def deployment(tmp_path: Path, broker: NatsServer, postgres: Cluster) -> Iterator[Deployment]:
    store = postgres.new_database(f"flow_{uuid4().hex}")
    migrate(store)
    made = Deployment(tmp_path, bus=broker.url, store=store, **SHARED)
    yield made
    made.close()


def serve(deployment: Deployment, functions: str = "", **settings: str) -> Runtime:
    return deployment.start("serve", "--functions", functions, **settings)


def health(runtime: Runtime, path: str = "/health") -> int:
    return requests.get(f"{runtime.url}{path}", timeout=10).status_code


def refused(deployment: Deployment, runtime: Runtime) -> bool:
    """Whether the receiver says that it cannot take anything now, and when to come again."""
    answer = deployment.post(runtime, "/v1/logs", errors("refused"))
    return answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1


# --- one process dies ----------------------------------------------------------------------------------------


def test_nothing_is_lost_when_one_of_two_replicas_is_killed_under_load(
    deployment: Deployment, agent: HttpStandIn
) -> None:
    load = Load(deployment, SEED)
    agent.will(ragged(SEED))
    deployment.pipeline(agent.url, filter=KEEP_ERRORS, timeout_seconds=5)
    first, second = serve(deployment), serve(deployment)
    load.start(first, clients=2)
    load.wait_for(300)
    agent.wait_for(1)
    first.kill()
    load.stop()
    load.start(second, clients=2)
    load.wait_for(300)
    load.stop()
    agent.will(reply(200))
    assert_nothing_is_lost(deployment, agent, load)
    assert second.stop() == 0


def test_a_batch_whose_worker_died_before_acknowledging_comes_again_elsewhere_under_the_same_id(
    deployment: Deployment, agent: HttpStandIn
) -> None:
    agent.will(hang, reply(200))
    deployment.pipeline(agent.url)
    receiver, worker = serve(deployment, RECEIVING), serve(deployment, WORKING)
    assert deployment.post(receiver, "/v1/logs", errors("doubtful")).status_code == 200
    agent.wait_for(1)
    other = serve(deployment, WORKING)
    worker.kill()
    first, second = agent.wait_for(2)
    assert first.headers["X-Request-ID"] == second.headers["X-Request-ID"]
    wait_until(deployment.idle, "all is done with")
    assert marks(agent.records) == ["doubtful", "doubtful"]
    assert other.stop() == 0


def test_a_worker_that_stood_still_finishes_what_was_meanwhile_given_to_another_and_nothing_is_stuck(
    deployment: Deployment, agent: HttpStandIn
) -> None:
    answer_now = Event()
    agent.will(hang_until(answer_now), reply(200))
    deployment.pipeline(agent.url)
    receiver, worker = serve(deployment, RECEIVING), serve(deployment, WORKING)
    assert deployment.post(receiver, "/v1/logs", errors("twice at work")).status_code == 200
    agent.wait_for(1)
    serve(deployment, WORKING)
    os.kill(worker.pid, SIGSTOP)
    agent.wait_for(2)
    os.kill(worker.pid, SIGCONT)
    answer_now.set()
    wait_until(deployment.idle, "all is done with")
    assert deployment.dead_letters() == []
    assert set(marks(agent.records)) == {"twice at work"}
    assert worker.stop() == 0


# --- an engine dies ------------------------------------------------------------------------------------------


def test_nothing_is_lost_when_the_broker_is_killed_and_meanwhile_the_receiver_says_503(
    deployment: Deployment, agent: HttpStandIn, broker: NatsServer
) -> None:
    load = Load(deployment, SEED)
    agent.will(ragged(SEED))
    deployment.pipeline(agent.url, filter=KEEP_ERRORS, timeout_seconds=5)
    receiver, worker = serve(deployment, RECEIVING), serve(deployment, WORKING)
    load.start(receiver, clients=2)
    load.wait_for(300)
    broker.kill()
    wait_until(lambda: refused(deployment, receiver), "the receiver notices")
    assert (health(receiver), health(receiver, "/readyz")) == (503, 200)
    broker.start()
    load.wait_for(300)
    load.stop()
    agent.will(reply(200))
    assert_nothing_is_lost(deployment, agent, load)
    assert load.statuses == {200, 503}
    assert (receiver.stop(), worker.stop()) == (0, 0)


def test_nothing_is_lost_when_the_database_is_killed_and_meanwhile_the_receiver_says_503(
    deployment: Deployment, agent: HttpStandIn, postgres: Cluster
) -> None:
    load = Load(deployment, SEED)
    agent.will(ragged(SEED))
    deployment.pipeline(agent.url, filter=KEEP_ERRORS, timeout_seconds=5)
    receiver, worker = serve(deployment, RECEIVING), serve(deployment, WORKING)
    load.start(receiver, clients=2)
    load.wait_for(300)
    postgres.kill()
    wait_until(lambda: refused(deployment, receiver), "the receiver notices")
    assert health(receiver) == 503
    postgres.start()
    load.wait_for(300)
    load.stop()
    agent.will(reply(200))
    assert_nothing_is_lost(deployment, agent, load)
    assert load.statuses == {200, 503}
    assert (receiver.stop(), worker.stop()) == (0, 0)


def test_a_replica_that_starts_before_its_engines_serves_as_soon_as_they_are_there(
    deployment: Deployment, agent: HttpStandIn, broker: NatsServer, postgres: Cluster
) -> None:
    deployment.pipeline(agent.url)
    broker.kill()
    postgres.kill()
    runtime = serve(deployment)
    assert (health(runtime), health(runtime, "/readyz")) == (503, 200)
    broker.start()
    postgres.start()
    wait_until(lambda: health(runtime) == 200, "the engines are found")
    assert deployment.post(runtime, "/v1/logs", errors("at last")).status_code == 200
    agent.wait_for(1)
    assert marks(agent.records) == ["at last"]


# --- living --------------------------------------------------------------------------------------------------


def test_a_replica_says_that_it_is_not_ready_while_it_drains(deployment: Deployment) -> None:
    runtime = serve(deployment, WORKING, HEADRACE_DRAIN_SECONDS="60")
    assert (health(runtime, "/readyz"), health(runtime, "/livez")) == (200, 200)
    assert health(runtime) == 404, "this process has no receiver"
    runtime.signal()
    wait_until(lambda: health(runtime, "/readyz") == 503, "it says so")
    assert health(runtime, "/livez") == 200
    runtime.signal()
    assert runtime.wait() == 0


def test_an_output_of_an_agent_walks_from_one_replica_through_another_to_the_webhook(
    deployment: Deployment, webhook: HttpStandIn
) -> None:
    deployment.sink(webhook.url)
    receiver = serve(deployment, RECEIVING)
    serve(deployment, WORKING)
    assert deployment.post(receiver, "/internal/agent-output", b'{"title": "found"}').status_code == 202
    (exchange,) = webhook.wait_for(1)
    assert exchange.json["title"] == "found"


def test_without_migrations_serve_and_up_name_the_command_and_that_helps(postgres: Cluster, tmp_path: Path) -> None:
    store = postgres.new_database(f"flow_{uuid4().hex}")
    secrets = {f"HEADRACE_{name.upper()}": str(value) for name, value in SHARED.items()}
    options = ("--store", store, "--data-dir", tmp_path)
    for command in ("serve", "up"):
        refusal = headrace(command, "--port", 0, *options, **secrets)
        assert refusal.returncode == 1
        assert "headrace migrate" in refusal.stderr
    assert headrace("migrate", *options).stdout == "migrated: 1 items\n"
    assert headrace("migrate", *options).stdout == "nothing to migrate\n"


def test_replicas_on_a_database_need_shared_secrets_and_known_functions(tmp_path: Path) -> None:
    store = "postgresql://127.0.0.1:1/none"
    unshared = headrace("serve", "--store", store, "--data-dir", tmp_path)
    assert "HEADRACE_JWT_KEYS and HEADRACE_ENCRYPTION_KEYS" in unshared.stderr
    unknown = headrace("serve", "--functions", "receiver,nothing", "--data-dir", tmp_path)
    assert "no function nothing: choose among receiver, agent_output" in unknown.stderr
