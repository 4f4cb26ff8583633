"""Each action that each function may do, and on what: a change of a policy has to be made here too, with open eyes."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.runtime.template import _CloudFormation

_TEXT = (Path(__file__).parents[2] / "template.yaml").read_text()
TEMPLATE = yaml.load(_TEXT, Loader=_CloudFormation)  # noqa: S506 - our own template
FUNCTIONS = {
    name: each["Properties"]
    for name, each in TEMPLATE["Resources"].items()
    if each["Type"] == "AWS::Serverless::Function"
}

_QUEUES = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${QueuePrefix}-"
PLACES = {
    "ConfigTable.Arn": "config",
    "${ConfigTable.Arn}/index/gsi": "config index",
    "TelemetryTable.Arn": "telemetry",
    "${TelemetryTable.Arn}/index/gsi": "telemetry index",
    f"{_QUEUES}raw-*": "raw",
    f"{_QUEUES}output-*": "output",
    f"{_QUEUES}spans-*": "spans",
    f"{_QUEUES}ping": "ping",
    "EncryptionSecret.Id": "encryption secret",
    "JwtSecret.Id": "jwt secret",
    "PipelineFunction.Arn": "pipeline",
    "SinkFunction.Arn": "sink",
    "TracesFunction.Arn": "traces",
    "*": "everything",
}
"""Resources of the template, in short. Queues include their dead letters."""

TABLES = {"config", "config index", "telemetry", "telemetry index"}
CONSUMED = ("raw", "output", "spans")
CONSUMERS = {"pipeline", "sink", "traces"}


def consuming(queue: str, *also: str) -> dict[str, set[str]]:
    """What Lambda does with a queue in the name of its consumer, and what that does itself, such as bury."""
    actions = ("DeleteMessage*", "GetQueueAttributes", "GetQueueUrl", "ReceiveMessage", "SendMessage*")
    return {f"sqs:{action}": {queue} for action in (*actions, *also)}


WIRING = {
    **{
        f"sqs:{action}": set(CONSUMED)
        for action in (
            "CreateQueue",
            "DeleteQueue",
            "GetQueueAttributes",
            "GetQueueUrl",
            "ListQueueTags",
            "SetQueueAttributes",
            "TagQueue",
        )
    },
    "sqs:ListQueues": {"everything"},
    "lambda:ListEventSourceMappings": {"everything"},
    "lambda:GetFunctionConfiguration": CONSUMERS,
    "lambda:CreateEventSourceMapping": {"everything"},  # that calls one of the consumers, by a condition
    "lambda:DeleteEventSourceMapping": {"everything"},
    "lambda:UpdateEventSourceMapping": {"everything"},
}

ALLOWED: dict[str, dict[str, set[str]]] = {
    "ReceiverFunction": {
        "dynamodb:GetItem": {"config"},
        "dynamodb:UpdateItem": {"config", "telemetry"},
        "dynamodb:PutItem": {"telemetry"},
        "sqs:GetQueueUrl": {"raw", "spans", "ping"},
        "sqs:SendMessage*": {"raw", "spans"},
    },
    "AgentOutputFunction": {
        "dynamodb:GetItem": {"config"},
        "dynamodb:UpdateItem": {"config", "telemetry"},
        "dynamodb:PutItem": {"telemetry"},
        "sqs:GetQueueUrl": {"output"},
        "sqs:SendMessage*": {"output"},
    },
    "PipelineFunction": {
        "dynamodb:GetItem": {"config", "telemetry"},
        "dynamodb:PutItem": {"telemetry"},
        "dynamodb:UpdateItem": {"telemetry"},
        **consuming("raw", "ChangeMessageVisibility*"),
        "secretsmanager:GetSecretValue": {"encryption secret"},
    },
    "SinkFunction": {
        "dynamodb:Query": {"config"},
        "dynamodb:UpdateItem": {"config", "telemetry"},
        "dynamodb:GetItem": {"telemetry"},
        "dynamodb:PutItem": {"telemetry"},
        **consuming("output", "ChangeMessageVisibility*"),
        "secretsmanager:GetSecretValue": {"encryption secret"},
    },
    "TracesFunction": {
        "dynamodb:GetItem": {"config"},
        "dynamodb:BatchGetItem": {"telemetry"},
        "dynamodb:DeleteItem": {"telemetry"},
        "dynamodb:PutItem": {"telemetry"},
        "dynamodb:Query": {"telemetry"},
        "dynamodb:UpdateItem": {"telemetry"},
        **consuming("spans"),
    },
    "ControlPlaneFunction": {
        **{
            f"dynamodb:{action}": TABLES
            for action in ("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
        },
        **WIRING,
        "sqs:ChangeMessageVisibility*": set(CONSUMED),
        "sqs:DeleteMessage*": set(CONSUMED),
        "sqs:ReceiveMessage": set(CONSUMED),
        "sqs:SendMessage*": set(CONSUMED),
        "secretsmanager:GetSecretValue": {"encryption secret", "jwt secret"},
    },
    "UpkeepFunction": {
        **{f"dynamodb:{action}": {"config", "config index"} for action in ("BatchGetItem", "GetItem", "UpdateItem")},
        "dynamodb:DeleteItem": {"config", "config index", "telemetry"},
        "dynamodb:Query": {"config", "config index", "telemetry"},
        **WIRING,
    },
}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(function: str) -> Iterator[dict[str, Any]]:
    for policy in FUNCTIONS[function]["Policies"]:
        yield from policy["Statement"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_what_is_written_here_and_nothing_else(function: str) -> None:
    may: defaultdict[str, set[str]] = defaultdict(set)
    for statement in statements(function):
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            may[action] |= {PLACES[place] for place in listed(statement["Resource"])}
    assert dict(may) == ALLOWED[function]


def test_mappings_can_be_changed_only_for_the_functions_that_consume_queues() -> None:
    for function in FUNCTIONS:
        for statement in statements(function):
            if "lambda:CreateEventSourceMapping" in listed(statement["Action"]):
                places = statement["Condition"]["ArnEqualsIfExists"]["lambda:FunctionArn"]
                assert {PLACES[place] for place in places} == CONSUMERS


@pytest.mark.parametrize(
    ("variable", "secret"),
    [("HEADRACE_ENCRYPTION_KEYS", "EncryptionSecret.Id"), ("HEADRACE_JWT_KEYS", "JwtSecret.Id")],
)
def test_whoever_is_told_of_a_secret_may_read_it_and_nobody_else(variable: str, secret: str) -> None:
    told = {
        name
        for name, properties in FUNCTIONS.items()
        if properties.get("Environment", {}).get("Variables", {}).get(variable) == secret
    }
    may = {
        name
        for name in FUNCTIONS
        for statement in statements(name)
        if "secretsmanager:GetSecretValue" in listed(statement["Action"]) and secret in listed(statement["Resource"])
    }
    assert told == may != set()


def test_whatever_wires_queues_knows_all_their_functions() -> None:
    for name in ("ControlPlaneFunction", "UpkeepFunction"):
        variables = FUNCTIONS[name]["Environment"]["Variables"]
        known = {variable: place for variable, place in variables.items() if variable.endswith("_FUNCTION")}
        assert known == {f"HEADRACE_{word.upper()}_FUNCTION": f"{word.title()}Function.Arn" for word in CONSUMERS}
