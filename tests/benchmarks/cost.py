"""What a million records cost on AWS: real handlers on the real adapters, every billable call counted, then priced.

AWS is moto, in this process. Each call of boto3 is counted as AWS bills it: SQS in steps of 64 KiB of a call's
payload, DynamoDB in units of 1 KiB written (twice where the index has the item too) and 4 KiB read. Lambda's time is
the processor time of the handler without boto3 and moto, on the share of a processor that the function's memory buys,
and for each call the wait below. Prices are those of `aws_prices.json`, with their date.

Counted are the worst and the best of traffic. *Alone*: each request comes long after the last, no cache helps and each
message has an invocation of its own. *Dense*: requests follow one another, ten messages share an invocation. Apart
are the wait for the agent, which is its own, and the storage of logs.
"""

import json
import math
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.client import BaseClient
from moto import mock_aws

from headrace import bootstrap
from headrace.api.models import parse
from headrace.cli.credentials import Credentials
from headrace.cli.first_start import ensure_credentials
from headrace.entry.queue import encode_event
from headrace.ports.bus import Received
from headrace.ports.outbound import OutboundRequest, OutboundResponse
from headrace.ports.queues import RAW
from headrace.route.operations.pipelines import save_pipeline
from headrace.route.wire.pipeline_models import PipelineIn
from headrace.runtime.functions import Deadline, Loaded, load
from headrace.runtime.template import find_template, read_template
from headrace.upkeep.operations.change import Person
from tests.benchmarks.reference import RECORDS, request
from tests.functions.events import http_event

MILLION = 1_000_000
PRICES = json.loads((Path(__file__).parent / "aws_prices.json").read_text())

_REGION = PRICES["region"]
_ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": _REGION}
_WAIT_SECONDS = {"sqs": 0.010, "dynamodb": 0.005, "secretsmanager": 0.020}
"""For one call from within the region; assumed, and generous."""
_VCPU_MB = 1769
"""Memory that buys a whole processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
_MEMORY_MB = 512
_STEP_BYTES, _WRITE_BYTES, _READ_BYTES = 64 * 1024, 1024, 4 * 1024
_KEPT = 1 / 103  # five of 512
_DENSE_MESSAGES = 10
_ALONE = {"key_cache_seconds": 0.0, "config_cache_seconds": 0.0}
_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}


class Meter:
    """Counts what AWS would bill, and the time that the handlers took themselves."""

    def __init__(self) -> None:
        self.units: Counter[str] = Counter()
        self.gb_seconds = 0.0
        self.calls: Counter[str] = Counter()
        self._aws_seconds = 0.0

    def call(self, client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        """One call of boto3, in the place of `BaseClient._make_api_call`."""
        service = client.meta.service_model.service_name
        started = time.process_time()
        try:
            answer = _REAL_CALL(client, operation, arguments)
        finally:
            self._aws_seconds += time.process_time() - started
        self.calls[service] += 1
        if service == "sqs":
            self.units["sqs_standard_requests_of_64_kib"] += max(1, _steps([arguments, answer], _STEP_BYTES))
        elif service == "dynamodb":
            self._table_call(operation, arguments, answer)
        return answer

    def invoke(self, function: Loaded, event: dict[str, Any]) -> Any:
        """Call a handler, and count what Lambda bills for it: at least 1 ms, in steps of 1 ms."""
        before, self._aws_seconds = self.calls.copy(), 0.0
        started = time.process_time()
        answer = function(event)
        own_seconds = time.process_time() - started - self._aws_seconds
        waits = sum(_WAIT_SECONDS.get(name, 0) * count for name, count in (self.calls - before).items())
        billed_ms = math.ceil(1000 * (own_seconds * _VCPU_MB / _MEMORY_MB + waits))
        self.units["lambda_requests"] += 1
        self.gb_seconds += max(1, billed_ms) / 1000 * _MEMORY_MB / 1024
        return answer

    def dollars(self) -> dict[str, float]:
        """The bill, item by item."""
        bill = {name: count * PRICES["per_million"][name] / MILLION for name, count in self.units.items()}
        return {**bill, "lambda_gb_seconds": self.gb_seconds * PRICES["lambda_gb_second_x86"]}

    def _table_call(self, operation: str, arguments: dict[str, Any], answer: dict[str, Any]) -> None:
        if operation in _WRITES:
            item = answer.get("Attributes") or arguments.get("Item") or {}
            copies = 2 if "gsi_pk" in item else 1
            self.units["dynamodb_write_units"] += copies * max(1, _steps([item], _WRITE_BYTES))
        elif operation == "TransactWriteItems":
            items = [action.get("Item", {}) for each in arguments["TransactItems"] for action in each.values()]
            self.units["dynamodb_write_units"] += sum(4 * max(1, _steps([item], _WRITE_BYTES)) for item in items)
        else:
            found = answer.get("Items") or list((answer.get("Responses") or {}).values()) or [answer.get("Item", {})]
            self.units["dynamodb_read_units"] += max(1, _steps(found, _READ_BYTES))


_REAL_CALL = BaseClient._make_api_call
"""The one place that every call passes."""


def measure(records: int = MILLION) -> dict[str, float]:
    """Dollars for a million records, item by item, and what an idle month costs."""
    figures: dict[str, float] = {}
    for name, settings, together in (("alone", _ALONE, 1), ("dense", {}, _DENSE_MESSAGES)):
        meter = _run(records, settings, together)
        bill = {item: dollars * MILLION / records for item, dollars in meter.dollars().items()}
        figures[f"cost, {name}: US$ per million records, 1 % kept (at most 0.03)"] = sum(bill.values())
        figures |= {f"cost, {name}: of that {item.replace('_', ' ')}": dollars for item, dollars in bill.items()}
    return {**figures, **idle_month()}


def idle_month() -> dict[str, float]:
    """US$ for a month in which nothing flows: of a deployment, and of each project whose pipeline has an agent."""
    each, month = PRICES["per_million"], PRICES["per_month"]
    minutes = 30 * 24 * 60
    runs = minutes / 5
    polls = 3 * 5 * 3 * minutes  # three queues, each asked by five pollers that wait 20 s
    watching = runs * 30  # calls of SQS for one project's queues and their dead letters
    sqs = each["sqs_standard_requests_of_64_kib"] / MILLION
    lambda_time = runs * 0.5 * _MEMORY_MB / 1024 * PRICES["lambda_gb_second_x86"]
    return {
        "idle month: two secrets, US$": 2 * month["secrets_manager_secret"],
        "idle month: five alarms (none with Alarms=false), US$": 5 * month["cloudwatch_alarm"],
        "idle month: the schedule's function, US$": runs * each["lambda_requests"] / MILLION + lambda_time,
        "idle month: KMS for the tables, US$": 2 * runs * each["kms_calls"] / MILLION,
        "idle month, each project: Lambda asks its queues, US$": polls * sqs,
        "idle month, each project: the schedule looks after it, US$": watching * sqs,
    }


def _run(records: int, settings: dict[str, Any], together: int) -> Meter:
    meter = Meter()
    with tempfile.TemporaryDirectory(prefix="headrace-cost-") as folder, _aws(Path(folder), settings):
        credentials = _prepare(Path(folder))
        functions = {function.name: load(function, Deadline()) for function in read_template(find_template())}
        queue = bootstrap.queues().name(RAW, credentials.project_id)
        sqs = boto3.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        body = request(RECORDS, kept=_KEPT)
        headers = {"X-API-Key": credentials.api_key, "Content-Type": "application/x-protobuf"}
        with _counted(meter):
            for number in range(1, math.ceil(records / RECORDS) + 1):
                meter.units["api_gateway_rest_requests"] += 1
                answer = meter.invoke(functions["ReceiverFunction"], http_event("POST", "/v1/logs", headers, body))
                assert answer["statusCode"] == 200, answer
                if number % together == 0:
                    _consume(meter, functions["PipelineFunction"], sqs, queue, url, together)
            _consume(meter, functions["PipelineFunction"], sqs, queue, url, together)
    return meter


def _consume(meter: Meter, function: Loaded, sqs: Any, queue: str, url: str, together: int) -> None:
    """What Lambda's pollers do: receive, call the function, delete."""
    while messages := _received(sqs, queue, url, together):
        answer = meter.invoke(function, encode_event(messages))
        assert answer == {"batchItemFailures": []}, answer
        entries = [{"Id": str(place), "ReceiptHandle": each.receipt} for place, each in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        if len(messages) < together:
            return


def _received(sqs: Any, queue: str, url: str, together: int) -> Sequence[Received]:
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=together, MessageAttributeNames=["All"])
    return [
        Received(
            id=each["MessageId"],
            queue=queue,
            body=each["Body"],
            attributes={name: value["StringValue"] for name, value in each.get("MessageAttributes", {}).items()},
            receive_count=1,
            receipt=each["ReceiptHandle"],
            sent_unix_nano=time.time_ns(),
        )
        for each in found.get("Messages", ())
    ]


@contextmanager
def _counted(meter: Meter) -> Iterator[None]:
    def call(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        return meter.call(client, operation, arguments)

    real, bootstrap.outbound = bootstrap.outbound, _Agent
    BaseClient._make_api_call = call
    try:
        yield
    finally:
        BaseClient._make_api_call = _REAL_CALL
        bootstrap.outbound = real


@contextmanager
def _aws(folder: Path, settings: dict[str, Any]) -> Iterator[None]:
    """`headrace.bootstrap` on an AWS that is moto."""
    os.environ.update(_ENVIRONMENT)
    with mock_aws():
        bootstrap.close()
        bootstrap.override(
            data_dir=folder, bus="sqs://", store="dynamodb://", outbound_allow_private="true", **settings
        )
        for name in (bootstrap.settings().config_table, bootstrap.settings().telemetry_table):
            _make_table(name)
        try:
            yield
        finally:
            bootstrap.close()
            bootstrap.override(**dict.fromkeys(("data_dir", "bus", "store", "outbound_allow_private", *settings)))


def _make_table(name: str) -> None:
    index = {"IndexName": "gsi", "KeySchema": _keys("gsi_pk", "gsi_sk"), "Projection": {"ProjectionType": "ALL"}}
    names = ("pk", "sk", "gsi_pk", "gsi_sk")
    boto3.client("dynamodb").create_table(
        TableName=name,
        KeySchema=_keys("pk", "sk"),
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in names],
        GlobalSecondaryIndexes=[index],
        BillingMode="PAY_PER_REQUEST",
    )


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _prepare(folder: Path) -> Credentials:
    credentials, _ = ensure_credentials(folder, "http://127.0.0.1:1")
    wanted = {"agent_endpoint": "http://127.0.0.1:1/process", "filter": "severityNumber >= 17", "batch_window_ms": 0}
    save_pipeline(Person(credentials.project_id, "bench"), parse(PipelineIn, wanted), bootstrap.routing())
    return credentials


class _Agent:
    """An agent that answers at once: its time is its own."""

    def send(self, _: OutboundRequest) -> OutboundResponse:
        return OutboundResponse(202, {}, b"")

    def close(self) -> None:
        pass


def _steps(values: Sequence[Any], step_bytes: int) -> int:
    """How many steps the texts in `values` fill, with the names of attributes, as both services count."""
    return math.ceil(sum(map(_size_bytes, values)) / step_bytes)


def _size_bytes(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict):
        return sum(len(name) + _size_bytes(each) for name, each in value.items() if name != "ResponseMetadata")
    return sum(map(_size_bytes, value)) if isinstance(value, list | tuple) else 0
