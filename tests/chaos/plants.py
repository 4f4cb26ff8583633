"""The engines under test, each with several processes, and the faults that can be injected into them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

from headrace import bootstrap
from headrace.adapters.table_sql import migrate
from headrace.intake.wire.stored import decode_records
from tests.chaos import plant_aws
from tests.chaos.history import Dead
from tests.chaos.member import Member
from tests.chaos.plant import BATCH, Action, Pause, Plant
from tests.chaos.records import PIPELINE, decode_numbers
from tests.chaos.schedule import Fault
from tests.engines import nats, postgres
from tests.engines.nats import NatsServer
from tests.engines.postgres import Cluster
from tests.flow.deployment import Deployment

RECEIVING, WORKING = "receiver,agent_output,control_plane", "pipeline,sink,traces,upkeep"

_SHARED = {
    "jwt_keys": "test:" + "x" * 32,
    "encryption_keys": "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=",
    "outbound_allow_private": "true",
    "nats_ack_wait_seconds": 3.0,
}


@contextmanager
def embedded(folder: Path, agent: str, pause: Pause) -> Iterator[Plant]:
    """Three times `headrace up` on one data directory."""
    with _deployment(folder) as deployment:
        deployment.pipeline(agent, **BATCH, **PIPELINE)
        members = [Member(deployment, f"up {number}", pause, "up") for number in (1, 2, 3)]
        disks = {"disk": [(member.name, member.full_disk) for member in members]}
        yield _plant(deployment, members, members, disks)


@contextmanager
def nats_and_postgres(folder: Path, agent: str, pause: Pause) -> Iterator[Plant]:
    """Two processes that receive and two that work, on a broker and a database that can die, too."""
    with ExitStack() as ending:
        broker, cluster = NatsServer(folder / "nats"), Cluster()
        ending.callback(cluster.close)
        broker.start()
        ending.callback(broker.stop)
        cluster.start()
        store = cluster.new_database(f"chaos_{uuid4().hex}")
        migrate(store)
        deployment = ending.enter_context(_deployment(folder, bus=broker.url, store=store, **_SHARED))
        deployment.pipeline(agent, **BATCH, **PIPELINE)
        receivers, workers = (
            [Member(deployment, f"{name} {number}", pause, "serve", "--functions", functions) for number in (1, 2)]
            for name, functions in (("receiver", RECEIVING), ("worker", WORKING))
        )
        engines = {
            "broker": [("nats-server", _dying(broker, pause))],
            "database": [("postgres", _dying(cluster, pause))],
        }
        yield _plant(deployment, receivers + workers, receivers, engines)


PLANTS: dict[str, Callable[[Path, str, Pause], AbstractContextManager[Plant]]] = {
    "embedded": embedded,
    "nats": nats_and_postgres,
    "aws": plant_aws.emulated,
}


def lacking(engine: str) -> str:
    """What this machine lacks for an engine; empty when nothing."""
    if engine == "nats":
        missing = [nats.MISSING] * (nats.program() is None) + [postgres.MISSING] * (postgres.program("initdb") is None)
        return "; ".join(missing)
    return plant_aws.lacking() if engine == "aws" else ""


@contextmanager
def _deployment(folder: Path, **engines: Any) -> Iterator[Deployment]:
    deployment = Deployment(folder, **engines)
    try:
        yield deployment
    finally:
        for runtime in deployment.runtimes:
            runtime.close()


def _plant(
    deployment: Deployment,
    members: Sequence[Member],
    receivers: Sequence[Member],
    more: dict[str, list[tuple[str, Action]]],
) -> Plant:
    targets = defaultdict(list, more)
    for member in members:
        for kind, action in member.actions.items():
            targets[kind].append((member.name, action))
    return Plant(
        addresses=[member.url for member in receivers],
        headers={"X-API-Key": deployment.key},
        targets=dict(targets),
        in_flight=lambda: _in_flight(deployment),
        dead_letters=lambda: dead_letters_of(deployment),
        errors=lambda: _errors(deployment.log),
    )


def _dying(server: NatsServer | Cluster, pause: Pause) -> Action:
    """Kill -9, and after a while the same again on the same files."""
    lock = Lock()

    def die(fault: Fault) -> None:
        with lock:
            server.kill()
            pause(fault.seconds)
            server.start()

    return die


def _errors(log: Path) -> list[str]:
    """Lines of level error. Others may be cut short: a process was killed, or the disk was full, as it wrote them."""
    lines = log.read_text().splitlines()
    return [line for line in lines if '"level": "error"' in line or line.startswith("Traceback")]


def _in_flight(deployment: Deployment) -> int:
    stats = deployment.stats()
    return stats.depth + stats.in_flight


def dead_letters_of(deployment: Deployment) -> Iterator[Dead]:
    """All of them that wait on the way to the agent."""
    with deployment.opened():
        cursor = None
        while True:
            page = bootstrap.bus().dead_letters(deployment.queue("raw"), limit=500, cursor=cursor)
            for letter in page.items:
                yield Dead(letter.reason, decode_numbers(decode_records(letter.body, letter.attributes)))
            cursor = page.next_cursor
            if cursor is None:
                return
