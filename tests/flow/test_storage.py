"""A disk that is full, a stored configuration that is damaged, and two runtimes on one data directory."""

import json
import resource
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.fakes.http import HttpStandIn, reply
from tests.flow.deployment import Deployment
from tests.flow.load import Load
from tests.flow.logs import KEEP_ERRORS, errors, marks, numbered
from tests.flow.process import Runtime, headrace, surprises
from tests.flow.waiting import wait_until

PROTOBUF = "application/x-protobuf"
FULL_BYTES = 512 * 1024
MOST_REQUESTS = 500

needs_prlimit = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")


def limit_files(runtime: Runtime, size_bytes: int) -> None:
    """Let no file of the runtime grow over `size_bytes`: for SQLite that is a disk without space."""
    _, hard = resource.prlimit(runtime.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(runtime.pid, resource.RLIMIT_FSIZE, (size_bytes, hard))


def fill(deployment: Deployment, runtime: Runtime) -> list[str]:
    """Send until the disk is full; the marks of what was acknowledged. Every answer is 200 or a proper 503."""
    acknowledged: list[str] = []
    refused = 0
    for number in range(MOST_REQUESTS):
        posted = [f"{number}-{index}-" + "x" * 1000 for index in range(5)]
        answer = deployment.post(runtime, "/v1/logs", errors(*posted))
        if answer.status_code == 200:
            acknowledged += posted
            continue
        assert (answer.status_code, answer.json()["code"]) == (503, 14)
        assert int(answer.headers["Retry-After"]) >= 1
        refused += 1
        if refused == 5:
            return acknowledged
    pytest.fail("the disk was never full")


@needs_prlimit
def test_a_full_disk_is_503_and_everything_acknowledged_is_delivered_after_a_restart(
    deployment: Deployment, agent: HttpStandIn
) -> None:
    runtime = deployment.start()
    limit_files(runtime, FULL_BYTES)
    acknowledged = fill(deployment, runtime)
    in_protobuf = {"Content-Type": PROTOBUF}
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = token_hex(FULL_BYTES // 2)
    answer = deployment.post(runtime, "/v1/logs", request.SerializeToString(), in_protobuf)
    assert (answer.status_code, Status.FromString(answer.content).code) == (503, 14)
    assert deployment.post(runtime, "/internal/agent-output", f'"{token_hex(100_000)}"'.encode()).status_code == 503
    runtime.kill()
    deployment.pipeline(agent.url, batch_size=1000)
    deployment.start()
    wait_until(deployment.idle, "all is delivered")
    assert set(marks(agent.records)) >= set(acknowledged)
    assert deployment.dead_letters() == []


@needs_prlimit
def test_a_disk_that_has_space_again_needs_no_restart(deployment: Deployment, agent: HttpStandIn) -> None:
    deployment.pipeline(agent.url, enabled=False, batch_size=1000)
    runtime = deployment.start()
    limit_files(runtime, FULL_BYTES)
    acknowledged = fill(deployment, runtime)
    limit_files(runtime, resource.RLIM_INFINITY)
    assert deployment.post(runtime, "/v1/logs", errors("space again")).status_code == 200
    deployment.pipeline(agent.url, batch_size=1000)
    wait_until(deployment.idle, "all is delivered")
    assert set(marks(agent.records)) >= {*acknowledged, "space again"}


@needs_prlimit
def test_a_disk_that_fills_up_while_agents_are_called_loses_nothing(deployment: Deployment, agent: HttpStandIn) -> None:
    agent.will(*[reply(500)] * 5, reply(200))
    deployment.pipeline(agent.url, batch_size=1000)
    runtime = deployment.start()
    limit_files(runtime, FULL_BYTES)
    acknowledged = fill(deployment, runtime)
    limit_files(runtime, resource.RLIM_INFINITY)
    wait_until(lambda: set(marks(agent.records)) >= set(acknowledged) and deployment.idle(), "all is delivered")
    assert deployment.dead_letters() == []


# --- damaged configuration -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        {"agent_endpoint": 7},
        {"filter": ["severityNumber"]},
        {"signals": "logs"},
        {"signals": ["log"]},
        {"transforms": {"expression": "1"}},
        {"transforms": [7]},
        {"on_error": "explode"},
        {"batch_size": "10"},
        {"batch_size": 0},
        {"batch_size": -1},
        {"timeout_seconds": None},
        {"timeout_seconds": -1},
        {"max_concurrency": 0},
    ],
    ids=json.dumps,
)
def test_messages_wait_until_a_damaged_pipeline_is_mended(
    deployment: Deployment, agent: HttpStandIn, damage: dict[str, Any]
) -> None:
    deployment.tolerated = lambda event: event["event"] in ("event_failed", "handler_failed")
    deployment.pipeline(agent.url)
    whole = deployment.stored()
    deployment.store({**whole, **damage})
    runtime = deployment.start()
    assert deployment.post(runtime, "/v1/logs", errors("waits")).status_code == 200
    wait_until(lambda: "event_" in deployment.log.read_text(), "the damage was noticed")
    assert not deployment.idle()
    assert agent.requests == []
    deployment.store(whole)
    agent.wait_for(1)
    assert marks(agent.records) == ["waits"]
    wait_until(deployment.idle, "the message is done with")


def test_outputs_wait_until_a_damaged_sink_is_mended(deployment: Deployment, webhook: HttpStandIn) -> None:
    sink = deployment.sink(webhook.url)
    whole = deployment.stored(f"sink#{sink.id}")
    deployment.store({**whole, "url": None})
    runtime = deployment.start()
    assert deployment.post(runtime, "/internal/agent-output", b'{"title": "waits"}').status_code == 202
    wait_until(lambda: "event_returned" in deployment.log.read_text(), "the damage was noticed")
    deployment.store(whole)
    webhook.wait_for(1)
    wait_until(lambda: deployment.idle("output"), "the output is delivered")


# --- several runtimes ----------------------------------------------------------------------------------------


def test_two_runtimes_on_one_data_directory_share_the_work_and_lose_nothing(
    deployment: Deployment, agent: HttpStandIn
) -> None:
    deployment.pipeline(agent.url, filter=KEEP_ERRORS)
    first, loads = deployment.start(), [Load(deployment, 1, "a"), Load(deployment, 2, "b")]
    loads[0].start(first, clients=2)
    second = deployment.start()
    assert first.url != second.url
    loads[1].start(second, clients=2)
    for load in loads:
        load.wait_for(500)
        load.stop()
    assert second.stop() == 0
    kept = loads[0].kept | loads[1].kept
    wait_until(lambda: set(marks(agent.records)) >= kept and deployment.idle(), "all is delivered")
    seen = marks(agent.records)
    assert len(seen) == len(set(seen)), "nobody died, so nothing needed to be sent twice"
    assert [load.statuses for load in loads] == [{200}, {200}]


def test_what_a_killed_runtime_held_is_delivered_by_the_other(deployment: Deployment, agent: HttpStandIn) -> None:
    deployment.pipeline(agent.url, enabled=False)
    first, second = deployment.start(), deployment.start()
    posted = numbered("shared", 30)
    for mark in posted:
        assert deployment.post(first, "/v1/logs", errors(mark)).status_code == 200
    first.kill()
    deployment.pipeline(agent.url)
    wait_until(lambda: set(marks(agent.records)) == set(posted), "the other runtime delivers")
    assert second.running


def test_two_first_starts_at_once_on_an_empty_directory_both_work(tmp_path: Path) -> None:
    logs = [tmp_path / f"{number}.log" for number in range(2)]
    data_dir = tmp_path / "data"
    runtimes = [Runtime(data_dir, log) for log in logs]
    try:
        assert all(runtime.url for runtime in runtimes)
        sent = headrace("send", "--count", 5, "--data-dir", data_dir)
        assert (sent.returncode, sent.stderr) == (0, "")
    finally:
        for runtime in runtimes:
            runtime.close()
    assert [surprises(log) for log in logs] == [[], []]
