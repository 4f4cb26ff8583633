"""Kill -9 and SIGTERM at any moment: nothing that was acknowledged is lost."""

import os
import random
from collections.abc import Callable
from signal import SIGINT, SIGKILL
from threading import Event

import pytest

from tests.fakes.http import Exchange, HttpStandIn, hang, hang_until, reply
from tests.flow.deployment import Deployment
from tests.flow.load import Load
from tests.flow.logs import KEEP_ERRORS, dead_marks, errors, marks
from tests.flow.process import Runtime
from tests.flow.waiting import wait_until
from tests.kinship import queue_functions

ROUNDS = 6
SEED = 20240115


def ragged(seed: int) -> object:
    """An agent that takes a moment now and then, fails now and then, and mostly answers at once."""
    chance, pause = random.Random(seed), Event()

    def answer(exchange: Exchange) -> None:
        mood = chance.random()
        if mood < 0.2:
            pause.wait(mood)  # that the agent is at work is what is wanted here
        reply(500 if mood > 0.97 else 200)(exchange)

    return answer


def assert_nothing_is_lost(deployment: Deployment, agent: HttpStandIn, load: Load) -> None:
    """Everything acknowledged was delivered or dead-lettered, and what the filter drops never was."""

    def missing() -> set[str]:
        return load.kept - set(marks(agent.records)) - dead_marks(deployment.dead_letters())

    wait_until(lambda: not missing() and deployment.idle(), "all that was acknowledged is accounted for")
    assert missing() == set()
    seen = marks(agent.records)
    assert not [mark for mark in seen if not mark.startswith("keep")]
    print(f"{len(load.acknowledged)} acknowledged, {len(set(seen))} delivered, {len(seen) - len(set(seen))} twice")


def test_nothing_acknowledged_is_lost_by_kill_9_at_many_moments(deployment: Deployment, agent: HttpStandIn) -> None:
    moments, load = random.Random(SEED), Load(deployment, SEED)
    agent.will(ragged(SEED))
    deployment.pipeline(agent.url, filter=KEEP_ERRORS, timeout_seconds=5)
    for _ in range(ROUNDS):
        runtime = deployment.start()
        load.start(runtime)
        if moments.random() < 0.5:
            load.wait_for(moments.randint(1, 600))
        else:
            agent.wait_for(len(agent.requests) + moments.randint(1, 12))
        runtime.kill()
        load.stop()
    agent.will(reply(200))
    last = deployment.start()
    assert_nothing_is_lost(deployment, agent, load)
    assert load.statuses == {200}
    assert last.stop() == 0


def test_what_is_being_sent_to_an_agent_and_to_a_webhook_survives_kill_9(
    deployment: Deployment, agent: HttpStandIn, webhook: HttpStandIn
) -> None:
    agent.will(hang, reply(200))
    webhook.will(hang, reply(200))
    deployment.pipeline(agent.url)
    deployment.sink(webhook.url)
    runtime = deployment.start()
    assert deployment.post(runtime, "/v1/logs", errors("in the call")).status_code == 200
    assert deployment.post(runtime, "/internal/agent-output", b'{"title": "kept"}').status_code == 202
    agent.wait_for(1)
    webhook.wait_for(1)
    runtime.kill()
    deployment.start()
    agent.wait_for(2)
    first, second = webhook.wait_for(2)
    assert marks(agent.records) == ["in the call", "in the call"]
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    wait_until(lambda: deployment.idle("raw") and deployment.idle("output"), "all is done with")


def test_the_death_of_the_queue_functions_keeps_nobody_from_sending_and_loses_nothing(
    deployment: Deployment, agent: HttpStandIn
) -> None:
    agent.will(hang, reply(200))
    deployment.pipeline(agent.url)
    runtime = deployment.start()
    assert deployment.post(runtime, "/v1/logs", errors("in the call")).status_code == 200
    agent.wait_for(1)
    (first,) = queue_functions(runtime.pid)
    os.kill(first, SIGKILL)
    assert deployment.post(runtime, "/v1/logs", errors("meanwhile")).status_code == 200
    wait_until(lambda: {"in the call", "meanwhile"} <= set(marks(agent.records[1:])), "another one works them off")
    (second,) = queue_functions(runtime.pid)
    assert second != first
    assert runtime.stop() == 0
    assert '"event": "queue_functions_died"' in deployment.log.read_text()


def test_nothing_that_a_killed_runtime_started_outlives_it(deployment: Deployment, agent: HttpStandIn) -> None:
    deployment.pipeline(agent.url, filter="$count([1..100]) = 100 and $match(body, /a+/)")
    runtime = deployment.start()
    assert deployment.post(runtime, "/v1/logs", errors("aaa")).status_code == 200
    agent.wait_for(1)
    runtime.kill()
    runtime.wait_until_gone()


# --- SIGTERM -------------------------------------------------------------------------------------------------


def assert_ends_well(runtime: Runtime) -> None:
    assert runtime.stop() == 0
    runtime.wait_until_gone()


def test_sigterm_under_load_ends_with_0_and_loses_nothing(deployment: Deployment, agent: HttpStandIn) -> None:
    load = Load(deployment, SEED)
    agent.will(ragged(SEED))
    deployment.pipeline(agent.url, filter=KEEP_ERRORS, timeout_seconds=5)
    for _ in range(3):
        runtime = deployment.start()
        load.start(runtime)
        load.wait_for(200)
        assert_ends_well(runtime)
        load.stop()
    agent.will(reply(200))
    deployment.start()
    assert_nothing_is_lost(deployment, agent, load)
    assert load.statuses == {200}


def test_sigterm_does_not_wait_for_an_agent_that_hangs(deployment: Deployment, agent: HttpStandIn) -> None:
    agent.will(hang, reply(200))
    deployment.pipeline(agent.url, timeout_seconds=120)
    runtime = deployment.start()
    assert deployment.post(runtime, "/v1/logs", errors("held")).status_code == 200
    agent.wait_for(1)
    assert_ends_well(runtime)
    deployment.start()
    agent.wait_for(2)
    assert marks(agent.records) == ["held", "held"]


@pytest.mark.parametrize(
    "stop",
    [Runtime.signal, lambda runtime: os.killpg(runtime.pid, SIGINT)],
    ids=["SIGTERM", "Ctrl-C, which goes to all of its processes"],
)
def test_a_call_to_the_agent_that_ends_in_time_is_let_end(
    deployment: Deployment, agent: HttpStandIn, stop: Callable[[Runtime], None]
) -> None:
    answer_now = Event()
    agent.will(hang_until(answer_now))
    deployment.pipeline(agent.url)
    runtime = deployment.start()
    assert deployment.post(runtime, "/v1/logs", errors("in time")).status_code == 200
    agent.wait_for(1)
    stop(runtime)
    answer_now.set()
    assert runtime.wait() == 0
    assert deployment.idle()
    assert marks(agent.records) == ["in time"]


@pytest.mark.parametrize("number", [2, 15], ids=["SIGINT", "SIGTERM"])
def test_an_idle_runtime_ends_with_0_at_once(deployment: Deployment, number: int) -> None:
    runtime = deployment.start()
    runtime.signal(number)
    assert runtime.wait() == 0
