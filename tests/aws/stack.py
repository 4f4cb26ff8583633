"""The unmodified template, built once and deployed to an emulator with the stock `sam`; and a way to look into it."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import requests

from headrace.entry.schedule import encode_event
from tests.aws.emulators import REGION, ROOT, Emulator, Kind, tool, tool_path
from tests.flow.waiting import wait_until

NAME = "headrace"
DEPLOY = ["--stack-name", NAME, "--resolve-s3", "--capabilities", "CAPABILITY_IAM"]
"""As in the README."""
PARAMETERS = ["OutboundAllowPrivate=true", "LogLevel=INFO"]
"""The stand-ins for agents and webhooks are on this machine; and what goes well is to be seen, too."""

_PATIENCE_SECONDS = 60


def build(folder: Path) -> Path:
    """`sam build`, once for all test processes; the folder with what it made."""
    built = folder / "build"
    with (folder / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (built / "template.yaml").exists():
            _sam({"PATH": tool_path()}, "build", "--build-dir", str(built), "--template-file", "template.yaml")
    return built


def deploy(emulator: Emulator, built: Path) -> None:
    """`sam deploy` of what was built."""
    _sam(
        {**emulator.environment, "PATH": os.environ["PATH"]},
        "deploy",
        "--template-file",
        str(built / "template.yaml"),
        *DEPLOY,
        "--no-confirm-changeset",
        "--no-progressbar",
        "--parameter-overrides",
        *PARAMETERS,
    )


def _sam(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [tool("sam", "sam"), *arguments],
        cwd=ROOT,
        env={"HOME": os.environ["HOME"], "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": REGION, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"sam {arguments[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


class Stack:
    """A deployment: its gateway, and the AWS services behind it."""

    def __init__(self, emulator: Emulator, kind: Kind) -> None:
        self.emulator, self.kind = emulator, kind
        self.resources = self._resources()
        self.api = emulator.api.format(id=self.resources["Api"])
        found = self.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
        self.status = found["StackStatus"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator, as its owner."""
        return boto3.client(
            service,
            endpoint_url=self.emulator.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def items(self, table: str, pk: str) -> list[dict[str, Any]]:
        """The items of one partition, as DynamoDB has them."""
        answer = self.client("dynamodb").query(
            TableName=self.outputs[table],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ConsistentRead=True,
        )
        return list(answer["Items"])

    def queues(self, part: str) -> list[str]:
        """Names of the queues that have `part` in their name."""
        urls = self.client("sqs").list_queues().get("QueueUrls", [])
        return sorted(name for url in urls if part in (name := url.rpartition("/")[2]))

    def mappings(self, part: str) -> dict[str, dict[str, Any]]:
        """The event source mappings of queues that have `part` in their name, by that name."""
        found = self.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        return {name: each for each in found if part in (name := each["EventSourceArn"].rpartition(":")[2])}

    def invoke(self, function: str) -> dict[str, Any]:
        """Call a function as its schedule does."""
        event = json.dumps(encode_event(function)).encode()
        answer = self.client("lambda").invoke(FunctionName=self.resources[function], Payload=event)
        assert "FunctionError" not in answer, answer["Payload"].read()
        return dict(answer)

    def logged(self, word: str) -> bool:
        """Whether a line with `word` is in the log group of the template, or where the emulator logs instead."""
        return any(word in line for line in self._log_lines())

    def wait_for_log(self, word: str) -> None:
        """Return when `logged`."""
        wait_until(lambda: self.logged(word), f"{word!r} is in the logs", within=_PATIENCE_SECONDS)

    def surprises(self) -> list[str]:
        """What functions logged as errors: what nobody expected to happen."""
        return [line for line in self._log_lines() if '"level": "error"' in line or "[ERROR]" in line]

    def _log_lines(self) -> Iterator[str]:
        logs = self.client("logs")
        own = f"/headrace/{NAME}"
        groups = [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]
        for group in [own] if self.kind.own_log_groups else [name for name in groups if name != own]:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
                yield from (event["message"] for event in page["events"])

    def _resources(self) -> dict[str, str]:
        paginator = self.client("cloudformation").get_paginator("list_stack_resources")
        found = [each for page in paginator.paginate(StackName=NAME) for each in page["StackResourceSummaries"]]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


class Project:
    """A project of its own account, managed over the gateway as a user would."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack = stack
        sign_up = {"email": f"{name}@example.com", "password": "correct horse battery"}
        self.token = ""
        self.token = self._call("POST", "/auth/signup", sign_up, 201)["access_token"]
        self.id = self._call("POST", "/projects", {"name": name}, 201)["id"]
        created = self.call("POST", "/api-keys", {"name": "collector"}, 201)
        self.key, self.key_id = created["key"], created["id"]

    def call(self, method: str, path: str = "", body: Any = None, status: int = 200) -> Any:
        """One request under the project's address."""
        return self._call(method, f"/projects/{self.id}{path}", body, status)

    def _call(self, method: str, path: str, body: Any, status: int) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = requests.request(
            method, f"{self.stack.api}/api/v1{path}", json=body, headers=headers, timeout=_PATIENCE_SECONDS
        )
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def configure(self, agent: str, webhook: str | None = None, **pipeline: Any) -> None:
        """Save a pipeline, and a sink if there is a webhook; return when the queue is consumed."""
        wanted = {"agent_endpoint": f"{agent}/process", "batch_window_ms": 0, **pipeline}
        self.call("PUT", "/pipeline", wanted)
        if webhook:
            self.call("POST", "/sinks", {"type": "webhook", "url": webhook}, 201)
        self.wait_for_mapping("raw", "Enabled" if pipeline.get("enabled", True) else "Disabled")

    def wait_for_mapping(self, kind: str, state: str) -> dict[str, Any]:
        """The event source mapping of one of the project's queues, as soon as it is in `state`."""
        queue = f"gf-ai-{kind}-{self.id}"

        def look() -> dict[str, Any] | None:
            found = self.stack.mappings(self.id).get(queue)
            return found if found and found["State"] == state else None

        found = wait_until(look, f"the mapping of {queue} is {state}", within=_PATIENCE_SECONDS)
        assert found is not None
        return found

    def send(self, path: str, body: bytes, **headers: str) -> requests.Response:
        """Telemetry with the project's key."""
        url = f"{self.stack.api}{path}"
        return requests.post(url, data=body, headers={"X-API-Key": self.key, **headers}, timeout=_PATIENCE_SECONDS)

    def status(self) -> dict[str, Any]:
        """The project's counters."""
        return dict(self.call("GET", "/status"))

    def wait_for_status(self, **wanted: int) -> dict[str, Any]:
        """The counters, as soon as they are as `wanted`."""
        last: dict[str, Any] = {}

        def look() -> bool:
            last.update(self.status())
            return all(last[name] == count for name, count in wanted.items())

        try:
            wait_until(look, f"the status is {wanted}", within=_PATIENCE_SECONDS)
        except AssertionError:
            print(f"the status was {last}", file=sys.stderr)
            raise
        return last
