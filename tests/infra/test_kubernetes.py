"""The manifests under infra/kubernetes fit Kubernetes' schemas, one another, and the program that they run."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.serve import choose
from headrace.runtime.template import find_template, read_template
from headrace.settings import Settings, load
from tests.infra.kustomization import Manifest, build, pod_of

FOLDER = Path(__file__).parents[2] / "infra" / "kubernetes"
MADE = build(FOLDER / "overlays" / "example")
DEPLOYMENTS = [manifest for manifest in MADE if manifest["kind"] == "Deployment"]
VERSIONS = ("1.31", "1.36")


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']}-{manifest['metadata']['name']}"


def of_kind(kind: str) -> list[Manifest]:
    return [manifest for manifest in MADE if manifest["kind"] == kind]


def all_containers() -> list[Any]:
    return [
        pytest.param(container, id=f"{deployment['metadata']['name']}-{container['name']}")
        for deployment in DEPLOYMENTS
        for container in [*pod_of(deployment)["initContainers"], *pod_of(deployment)["containers"]]
    ]


def labels_of(deployment: Manifest) -> dict[str, str]:
    return deployment["spec"]["template"]["metadata"]["labels"]


def chooses(selector: Manifest, deployment: Manifest) -> bool:
    labels = labels_of(deployment)
    plain = selector.get("matchLabels", {}).items() <= labels.items()
    return plain and all(labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", ()))


# --- Kubernetes' side ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", [each for each in MADE if each["kind"] != "ScaledObject"], ids=name_of)
def test_a_manifest_fits_the_schema_of_kubernetes(manifest: Manifest, version: str) -> None:
    import kubernetes_validate

    kubernetes_validate.validate(manifest, version, strict=True)


def test_every_name_is_there_once() -> None:
    names = [name_of(manifest) for manifest in MADE]
    assert len(set(names)) == len(names)


def test_every_folder_and_file_is_part_of_the_kustomization() -> None:
    listed = {path.name for path in FOLDER.rglob("*.yaml")} - {"kustomization.yaml"}
    text = "".join(path.read_text() for path in FOLDER.rglob("kustomization.yaml"))
    assert not [name for name in listed if name not in text]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_a_deployment_selects_its_own_pods_and_no_others(deployment: Manifest) -> None:
    chosen = [name_of(each) for each in DEPLOYMENTS if chooses(deployment["spec"]["selector"], each)]
    assert chosen == [name_of(deployment)]
    assert [name_of(each) for each in of_kind("PodDisruptionBudget") if chooses(each["spec"]["selector"], deployment)]


@pytest.mark.parametrize("service", of_kind("Service"), ids=name_of)
def test_a_service_leads_to_a_port_of_a_deployment(service: Manifest) -> None:
    (deployment,) = [each for each in DEPLOYMENTS if chooses({"matchLabels": service["spec"]["selector"]}, each)]
    (container,) = pod_of(deployment)["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert [each["targetPort"] in ports for each in service["spec"]["ports"]] == [True]


def test_the_ingress_leads_to_services_that_have_the_function_for_each_path() -> None:
    (ingress,) = of_kind("Ingress")
    functions = {each.folder.name: each for each in read_template(find_template())}
    for path in ingress["spec"]["rules"][0]["http"]["paths"]:
        service = path["backend"]["service"]["name"]
        (deployment,) = [each for each in DEPLOYMENTS if each["metadata"]["name"] == service]
        routes = [route for name in functions_of(deployment) for _, route in functions[name].routes]
        assert any(route.startswith(path["path"]) for route in routes), path["path"]


@pytest.mark.parametrize("scaler", [*of_kind("HorizontalPodAutoscaler"), *of_kind("ScaledObject")], ids=name_of)
def test_a_scaler_scales_a_deployment_that_asks_for_processor_time(scaler: Manifest) -> None:
    target = scaler["spec"]["scaleTargetRef"]["name"]
    (deployment,) = [each for each in DEPLOYMENTS if each["metadata"]["name"] == target]
    assert pod_of(deployment)["containers"][0]["resources"]["requests"]["cpu"]


def test_workers_grow_with_streams_and_the_consumer_that_headrace_makes() -> None:
    """By KEDA's own page of the scaler: https://keda.sh/docs/latest/scalers/nats-jetstream-streaming/."""
    from headrace.adapters.bus_nats.names import CONSUMER

    (scaler,) = of_kind("ScaledObject")
    for trigger in scaler["spec"]["triggers"]:
        metadata = trigger["metadata"]
        assert set(metadata) == {"natsServerMonitoringEndpoint", "account", "stream", "consumer", "lagThreshold"}
        assert trigger["type"] == "nats-jetstream"
        assert metadata["consumer"] == CONSUMER
        assert metadata["stream"].startswith(("gf-ai-raw-", "gf-ai-output-"))
        assert all(isinstance(value, str) for value in metadata.values())
    assert scaler["spec"]["minReplicaCount"] >= 1


def test_network_policies_let_nothing_in_or_out_that_they_do_not_name() -> None:
    for deployment in DEPLOYMENTS:
        policies = [
            each["spec"] for each in of_kind("NetworkPolicy") if chooses(each["spec"]["podSelector"], deployment)
        ]
        assert {kind for policy in policies for kind in policy["policyTypes"]} == {"Ingress", "Egress"}
        blocks = [
            peer.get("ipBlock") for policy in policies for rule in policy.get("egress", ()) for peer in rule["to"]
        ]
        outward = [block for block in blocks if block is not None]
        assert bool(outward) == (deployment["metadata"]["name"] != "receiver")
        assert all(block["except"] for block in outward)


# --- Headrace's side -----------------------------------------------------------------------------------------


def functions_of(deployment: Manifest) -> list[str]:
    arguments = pod_of(deployment)["containers"][0]["args"]
    return arguments[arguments.index("--functions") + 1].split(",")


def test_the_deployments_together_run_every_function_once() -> None:
    known = {each.folder.name for each in read_template(find_template())}
    run = [name for deployment in DEPLOYMENTS for name in functions_of(deployment)]
    assert sorted(run) == sorted(known)


def test_serve_takes_the_functions_of_each_deployment() -> None:
    functions = read_template(find_template())
    for deployment in DEPLOYMENTS:
        assert choose(functions, ",".join(functions_of(deployment)))


def test_every_setting_exists_and_can_be_read() -> None:
    (config,), (secret,) = of_kind("ConfigMap"), of_kind("Secret")
    given = {**config["data"], **secret["stringData"]}
    known = {f"HEADRACE_{each.name.upper()}" for each in fields(Settings)}
    assert set(given) <= known
    assert {"HEADRACE_BUS", "HEADRACE_STORE", "HEADRACE_JWT_KEYS", "HEADRACE_ENCRYPTION_KEYS"} <= set(given)
    assert load(given).bus_url.startswith("nats://")


def test_the_example_holds_words_where_secrets_belong() -> None:
    (secret,) = of_kind("Secret")
    assert all(re.search("PASSWORD|SECRET|FERNET_KEY", value) for value in secret["stringData"].values())


@pytest.mark.parametrize("container", all_containers())
def test_a_container_is_confined_and_gets_its_settings(container: Manifest) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    assert container["envFrom"] == [
        {"configMapRef": {"name": of_kind("ConfigMap")[0]["metadata"]["name"]}},
        {"secretRef": {"name": of_kind("Secret")[0]["metadata"]["name"]}},
    ]
    assert container["image"] == "registry.example.com/headrace:0.1.0"


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_a_pod_is_not_root_migrates_first_and_has_time_to_end(deployment: Manifest) -> None:
    pod = pod_of(deployment)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert [each["args"] for each in pod["initContainers"]] == [["migrate"]]
    drain = float(of_kind("ConfigMap")[0]["data"]["HEADRACE_DRAIN_SECONDS"])
    assert pod["terminationGracePeriodSeconds"] > drain + 10
    (container,) = pod["containers"]
    probes = {container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert probes == {"/livez", "/readyz"}
