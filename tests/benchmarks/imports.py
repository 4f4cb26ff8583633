"""Cold start: what importing a door costs beyond bare Python, in fresh processes."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.timing import best_seconds

_ROOT = Path(__file__).parents[2]
_ROUNDS = 12
_DOORS = ("receiver", "agent_output", "pipeline", "sink")
_ON_AWS = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "HEADRACE_BUS": "sqs://",
    "HEADRACE_STORE": "dynamodb://",
}
_BOTO3_ALONE = "import boto3; boto3.client('sqs'); boto3.client('dynamodb'); boto3.client('dynamodb')"
_CLIENTS_READY = (
    "import functions.{door}.handler; from headrace.bootstrap import bus, table; "
    "[client._made() for client in (bus()._queues._sqs, table('config')._client, table('telemetry')._client)]"
)


def measure() -> dict[str, float]:
    """Milliseconds, and on AWS how many times as long as boto3 alone."""
    bare = _start("pass")
    figures = {
        f"import: functions/{door}, ms beyond bare Python{' (at most 150)' if door == 'receiver' else ''}": (
            _start(f"import functions.{door}.handler") - bare
        )
        * 1000
        for door in _DOORS
    }
    boto3 = _start(_BOTO3_ALONE, _ON_AWS) - bare
    figures["import: boto3 with clients for SQS and two tables, ms beyond bare Python"] = boto3 * 1000
    for door in _DOORS:
        ready = _start(_CLIENTS_READY.format(door=door), _ON_AWS) - bare
        figures[f"import: functions/{door} with the same clients, times boto3 alone (at most 1.3)"] = ready / boto3
    return figures


def door_import_ms(door: str) -> float:
    """What one door costs beyond bare Python."""
    return (_start(f"import functions.{door}.handler") - _start("pass")) * 1000


def _start(program: str, environment: Mapping[str, str] | None = None) -> float:
    def run() -> None:
        subprocess.run(
            [sys.executable, "-c", program], check=True, cwd=_ROOT, env={**os.environ, **(environment or {})}
        )

    return best_seconds(run, rounds=_ROUNDS)
