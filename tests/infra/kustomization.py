"""As much of kustomize as our manifests use: resources, generators, images, labels, a namespace and JSON patches.

It refuses what it does not know, so that what is checked here is what kustomize would make, name suffixes apart.
"""

from pathlib import Path
from typing import Any

import jsonpatch
import yaml

Manifest = dict[str, Any]

_KNOWN = {"apiVersion", "kind", "namespace", "labels", "resources", "images", "patches"}
_KNOWN |= {"configMapGenerator", "secretGenerator"}
_CLUSTER_WIDE = {"Namespace"}


def build(folder: Path) -> list[Manifest]:
    """The manifests of a kustomization."""
    wanted = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(wanted) <= _KNOWN, f"{folder}: {set(wanted) - _KNOWN} is not known here"
    made = [manifest for name in wanted["resources"] for manifest in _resources(folder / name)]
    made += [_config_map(each) for each in wanted.get("configMapGenerator", ())]
    made += [_secret(each, folder) for each in wanted.get("secretGenerator", ())]
    made = [_patched(manifest, wanted.get("patches", ())) for manifest in made]
    for manifest in made:
        _label(manifest, wanted.get("labels", ()))
        _name_images(manifest, wanted.get("images", ()))
        if "namespace" in wanted and manifest["kind"] not in _CLUSTER_WIDE:
            manifest["metadata"]["namespace"] = wanted["namespace"]
    _check_patches(made, wanted.get("patches", ()), folder)
    return made


def pod_of(manifest: Manifest) -> Manifest | None:
    """The specification of the pods that a manifest makes."""
    return manifest["spec"]["template"]["spec"] if manifest["kind"] in ("Deployment", "Job") else None


def _resources(path: Path) -> list[Manifest]:
    if path.is_dir():
        return build(path)
    return [manifest for manifest in yaml.safe_load_all(path.read_text()) if manifest]


def _config_map(wanted: Manifest) -> Manifest:
    data = dict(literal.split("=", 1) for literal in wanted["literals"])
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": wanted["name"]}, "data": data}


def _secret(wanted: Manifest, folder: Path) -> Manifest:
    """From the example: the real file is not there."""
    data = {}
    for name in wanted["envs"]:
        lines = (folder / f"{name}.example").read_text().splitlines()
        data |= dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": wanted["name"]}, "stringData": data}


def _patched(manifest: Manifest, patches: Any) -> Manifest:
    for each in patches:
        if _aims_at(each["target"], manifest):
            manifest = jsonpatch.apply_patch(manifest, yaml.safe_load(each["patch"]))
    return manifest


def _check_patches(made: list[Manifest], patches: Any, folder: Path) -> None:
    for each in patches:
        assert any(_aims_at(each["target"], manifest) for manifest in made), f"{folder}: nothing is {each['target']}"


def _aims_at(target: Manifest, manifest: Manifest) -> bool:
    return (target["kind"], target["name"]) == (manifest["kind"], manifest["metadata"]["name"])


def _label(manifest: Manifest, labels: Any) -> None:
    for each in labels:
        manifest["metadata"].setdefault("labels", {}).update(each["pairs"])
        if each.get("includeTemplates") and pod_of(manifest) is not None:
            manifest["spec"]["template"]["metadata"]["labels"].update(each["pairs"])


def _name_images(manifest: Manifest, images: Any) -> None:
    pod = pod_of(manifest) or {}
    for container in [*pod.get("initContainers", ()), *pod.get("containers", ())]:
        for image in images:
            if container["image"] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"
