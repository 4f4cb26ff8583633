"""What the embedded runtime understands of `template.yaml` is all that there is in it."""

from pathlib import Path
from typing import Any

import yaml

from headrace.runtime.template import _CloudFormation, read_template
from tests.aws.stack import DEPLOY

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

UNDERSTOOD = {"CodeUri", "Handler", "Timeout", "Events", "Metadata"}
CLOUD_ONLY = {"Description", "Runtime", "Architectures", "MemorySize", "Layers", "Environment", "Policies"}
"""Say nothing about what listens to what."""


def resources() -> dict[str, Any]:
    template = yaml.load(TEMPLATE.read_text(), Loader=_CloudFormation)  # noqa: S506 - our own template
    return {name: each for name, each in template["Resources"].items() if each["Type"] == "AWS::Serverless::Function"}


def test_every_function_event_and_queue_of_the_template_is_read():
    read = {function.name: function for function in read_template(TEMPLATE)}
    assert set(read) == set(resources())
    for name, resource in resources().items():
        events = resource["Properties"].get("Events", {})
        assert len(read[name].routes) + len(read[name].schedules) == len(events), name
        assert (read[name].queue is None) == ("Metadata" not in resource), name


def test_no_function_says_anything_that_one_machine_would_not_heed():
    for name, resource in resources().items():
        assert set(resource["Properties"]) <= UNDERSTOOD | CLOUD_ONLY, name
        assert set(resource) <= {"Type", "Properties", "Metadata"}, name
        assert set(resource.get("Metadata", {})) <= {"Headrace"}, name


def test_the_routes_of_the_contract_are_there():
    routes = {route for function in read_template(TEMPLATE) for route in function.routes}
    assert {
        ("POST", "/v1/logs"),
        ("POST", "/v1/traces"),
        ("POST", "/v1/metrics"),
        ("POST", "/internal/agent-output"),
        ("GET", "/health"),
    } <= routes


def test_every_body_reaches_a_function_as_it_was_sent():
    template = yaml.load(TEMPLATE.read_text(), Loader=_CloudFormation)  # noqa: S506 - our own template
    (api,) = [each for each in template["Resources"].values() if each["Type"] == "AWS::Serverless::Api"]
    assert api["Properties"]["BinaryMediaTypes"] == ["*/*"]


def test_the_readme_deploys_as_the_tests_do():
    readme = (TEMPLATE.parent / "README.md").read_text()
    assert f"```sh\nsam build\nsam deploy {' '.join(DEPLOY)}\n```" in readme


def test_what_cannot_be_made_again_outlives_the_stack():
    template = yaml.load(TEMPLATE.read_text(), Loader=_CloudFormation)  # noqa: S506 - our own template
    kept = {name for name, each in template["Resources"].items() if "DeletionPolicy" in each}
    assert kept == {"ConfigTable", "TelemetryTable", "JwtSecret", "EncryptionSecret"}


def test_tables_can_be_restored_and_cost_nothing_while_nobody_calls():
    template = yaml.load(TEMPLATE.read_text(), Loader=_CloudFormation)  # noqa: S506 - our own template
    for name in ("ConfigTable", "TelemetryTable"):
        table = template["Resources"][name]["Properties"]
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert table["SSESpecification"] == {"SSEEnabled": True}


def test_a_shared_deployment_reaches_no_private_address_unless_told():
    template = yaml.load(TEMPLATE.read_text(), Loader=_CloudFormation)  # noqa: S506 - our own template
    assert template["Parameters"]["OutboundAllowPrivate"]["Default"] == "false"


def test_every_alarm_hears_of_something_that_is_there():
    template = yaml.load(TEMPLATE.read_text(), Loader=_CloudFormation)  # noqa: S506 - our own template
    resources = template["Resources"].values()
    own = "Headrace/${AWS::StackName}"
    counted = {
        each["Properties"]["MetricTransformations"][0]["MetricName"]
        for each in resources
        if each["Type"] == "AWS::Logs::MetricFilter"
    }
    alarms = [each["Properties"] for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert {alarm["MetricName"] for alarm in alarms if alarm["Namespace"] == own} == counted
    assert {alarm["MetricName"] for alarm in alarms if alarm["Namespace"] != own} == {"5XXError", "Throttles"}
