"""What the embedded runtime understands of `template.yaml` is all that there is in it."""

from pathlib import Path
from typing import Any

import yaml

from headrace.local.template import _CloudFormation, read_template

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
