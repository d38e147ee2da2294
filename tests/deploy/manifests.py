"""Read and render what `deploy/` holds, and compare it by what it means.

A manifest is a `dict` as YAML gives it; a set of them is keyed by (kind, name).
"""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
CHART = DEPLOY / "helm" / "maitred"

Manifest = dict[str, Any]
Objects = dict[tuple[str, str], Manifest]

#: What the name of a generated ConfigMap ends in: a hash of its contents.
HASH = re.compile(r"-[a-z0-9]{10}$")

#: Kinds of operators, by their group; the others are Kubernetes' own.
OPERATORS = ("monitoring.coreos.com", "keda.sh", "gateway.networking.k8s.io")

#: Labels that Helm adds for itself, beside the two that select.
HELM_LABELS = {"app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"}


def program(name: str) -> str:
    """Return the path of a program that the system tests need, or fail with what to do."""
    # Those of the environment first; a user's PATH often lacks the folders of servers.
    folders = [Path(sys.executable).parent, os.environ.get("PATH", os.defpath), "/usr/sbin"]
    found = shutil.which(name, path=os.pathsep.join(map(str, folders)))
    if found is None:
        pytest.fail(f"`{name}` is missing: tests/system-setup installs it or says where it is from")
    return found


def run(
    *command: str | Path,
    cwd: Path | None = None,
    stdin: str | None = None,
    seconds_max: float = 60,
) -> str:
    """Run a command to its end and return its output; a failure shows all it said."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        input=stdin,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds_max,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def expressions(dashboard: dict[str, Any]) -> list[str]:
    """Return every PromQL expression, of panels and annotations."""
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    found += [a["expr"] for a in dashboard["annotations"]["list"] if "expr" in a]
    return found


def anchors(page: Path) -> set[str]:
    """Return the anchors that the headings of a page get on the usual renderers of Markdown."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", h.strip().lower())) for h in headings}


def documents(text: str) -> list[Manifest]:
    """Return the documents of a YAML stream, without empty ones."""
    return [document for document in yaml.safe_load_all(text) if document]


def by_name(manifests: list[Manifest]) -> Objects:
    """Key manifests by kind and name; two of the same are a mistake."""
    objects: Objects = {}
    for manifest in manifests:
        key = (manifest["kind"], manifest["metadata"]["name"])
        assert key not in objects, f"{key} is there twice"
        objects[key] = manifest
    return objects


def kustomized(folder: Path) -> Objects:
    """Render a Kustomize folder, as `kubectl apply -k` would."""
    return by_name(documents(run(program("kubectl"), "kustomize", folder)))


def templated(values: dict[str, Any], name: str = "maitred", namespace: str = "default") -> Objects:
    """Render the chart, as `helm template` would; values that it refuses are a `HelmError`."""
    # Here and not above: only the system tests have it, and all of them are collected together.
    from helm_python import Chart

    rendered = Chart.load(CHART).render(values, name=name, namespace=namespace)
    return by_name(
        [
            document
            for path, text in rendered.items()
            if path.endswith(".yaml")
            for document in documents(text)
        ]
    )


def noted(values: dict[str, Any], name: str = "maitred") -> str:
    """Return what the chart tells whoever installs it."""
    from helm_python import Chart

    rendered = Chart.load(CHART).render(values, name=name, namespace="default")
    return next(text for path, text in rendered.items() if path.endswith("NOTES.txt"))


def meaning(objects: Objects) -> Objects:
    """Return the objects without what Kustomize and Helm write differently and mean alike.

    Names of ConfigMaps lose their hash, where they stand and where they are used; labels and the
    checksum that Helm adds are dropped; TOML and JSON inside a ConfigMap are compared as data.
    """
    same: Objects = {}
    for original in objects.values():
        manifest = copy.deepcopy(original)
        metadata = manifest["metadata"]
        metadata.pop("namespace", None)
        metadata["labels"] = {
            name: value
            for name, value in metadata.get("labels", {}).items()
            if name not in HELM_LABELS
        }
        if manifest["kind"] == "ConfigMap":
            metadata["name"] = HASH.sub("", metadata["name"])
            manifest["data"] = {name: _data(name, text) for name, text in manifest["data"].items()}
        if manifest["kind"] == "Deployment":
            template = manifest["spec"]["template"]
            template["metadata"].get("annotations", {}).pop("checksum/config", None)
            if not template["metadata"].get("annotations"):
                template["metadata"].pop("annotations", None)
            for volume in template["spec"]["volumes"]:
                if "configMap" in volume:
                    volume["configMap"]["name"] = HASH.sub("", volume["configMap"]["name"])
        same[manifest["kind"], metadata["name"]] = manifest
    return same


def _data(name: str, text: str) -> object:
    if name.endswith(".toml"):
        return tomllib.loads(text)
    if name.endswith(".json"):
        return yaml.safe_load(text)
    return text


def pod_specs(objects: Objects) -> list[Manifest]:
    """Return the pod specification of every Deployment."""
    return [
        manifest["spec"]["template"]["spec"]
        for (kind, _), manifest in objects.items()
        if kind == "Deployment"
    ]


def containers(pod: Manifest) -> list[Manifest]:
    """Return every container of a pod, sidecars and initial ones included."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def settings(objects: Objects) -> Manifest:
    """Return what maitred.toml in the objects' ConfigMap says."""
    for (kind, _), manifest in objects.items():
        if kind == "ConfigMap" and "maitred.toml" in manifest["data"]:
            return tomllib.loads(manifest["data"]["maitred.toml"])
    raise AssertionError("no ConfigMap has a maitred.toml")


def unknown_to_kubernetes(manifest: Manifest, version: str) -> list[str]:
    """Validate an object strictly with the schemas of a Kubernetes version, or of the newest."""
    # Here and not above: only the system tests have it, and all of them are collected together.
    import kubernetes_validate

    if version == "newest":
        version = kubernetes_validate.latest_version()
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as problem:
        return [f"{manifest['kind']} {manifest['metadata']['name']}: {problem}"]
    return []


def of_an_operator(manifest: Manifest) -> bool:
    """Whether the kind of an object comes from a CustomResourceDefinition."""
    return manifest["apiVersion"].split("/")[0] in OPERATORS


def operators_complaints(manifests: list[Manifest]) -> str:
    """Validate objects of operators with the schemas of their CRDs; return what is wrong."""
    script = ROOT / "tests" / "deploy" / "crds" / "validate.js"
    modules = ROOT / ".cache" / "crds" / "node_modules"
    return run(program("node"), script, modules, stdin=json.dumps(manifests))
