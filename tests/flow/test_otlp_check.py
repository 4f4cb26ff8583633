"""Headrace itself under its conformance kit: the runtime on its embedded engines, over real HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.otlp_check import Amounts, check
from headrace.ports.records import SIGNALS
from tests.fakes.http import PATIENCE_SECONDS
from tests.flow.deployment import Deployment
from tests.flow.process import Runtime, headrace

MIB = 1024 * 1024
AMOUNTS = Amounts(timeout_seconds=PATIENCE_SECONDS, many_records=2_000, oversize_bytes=7 * MIB, unpacked_bytes=33 * MIB)
"""Just over the limits of Headrace; fewer records than by default, so that this is quick."""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("otlp-check"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def runtime(deployment: Deployment) -> Runtime:
    return deployment.start()


def test_headrace_keeps_every_must_and_every_should(deployment: Deployment, runtime: Runtime) -> None:
    report = check(runtime.url, [("X-API-Key", deployment.key)], amounts=AMOUNTS)
    assert [(each.signal, each.level, each.id, each.reason) for each in report.failed()] == []
    assert report.signals == list(SIGNALS)
    assert {each.id for each in report.results if each.outcome == "skipped"} == {"retry-after"}


def test_the_command_says_what_it_sends_and_shows_scores_and_a_report(
    deployment: Deployment, runtime: Runtime, tmp_path: Path
) -> None:
    key, file = f"X-API-Key: {deployment.key}", tmp_path / "report.json"
    ran = headrace("otlp-check", runtime.url, "--header", key, "--signals", "logs", "--json", file)
    assert (ran.returncode, deployment.key in ran.stdout + ran.stderr) == (0, False)
    assert "/v1/logs" in ran.stderr
    *results, score, _ = ran.stdout.splitlines()
    assert "100 %" in score
    assert {line.split("\t")[0] for line in results} == {"logs"}
    assert len(json.loads(file.read_text())["results"]) == len(results)


def test_the_command_ends_with_1_where_a_must_is_not_kept(runtime: Runtime) -> None:
    ran = headrace("otlp-check", runtime.url, "--signals", "traces")  # without a key, all that is valid is refused
    assert ran.returncode == 1
    assert "traces\tMUST\tfailed\tprotobuf-success\t" in ran.stdout
    assert "answered 401 instead of 200" in ran.stdout
