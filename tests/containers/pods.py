"""Pods of podman from the manifests of `deploy/`, and what podman takes of them.

`podman play kube` runs one pod on one machine. `HANDLED` says of every field that the pods of the
manifests have what becomes of it: podman heeds it, `pod_for_podman` rewrites it to what a kubelet
would make of it, the tests do it from outside, or nobody does. A field that is not there is a
failed test. That Kubernetes knows the fields is checked by its schemas, in tests/deploy.
"""

from __future__ import annotations

import copy
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manifests import Manifest, Objects, containers, kustomized, program, run
from podman import Address, Container, address_of, inspected

HEEDED = "podman heeds it"
REWRITTEN = "rewritten to what a kubelet makes of it"
OUTSIDE = "done by the tests, from outside"
IGNORED = "ignored by podman, and by these tests"

CONTAINER = r"containers\[\]"

#: What becomes of each field of a pod template.
HANDLED = {
    r"metadata\.labels\..*": HEEDED,
    # podman takes none of more than 63 characters, and the chart's is a checksum for rollouts.
    r"metadata\.annotations\..*": IGNORED,
    rf"{CONTAINER}\.(name|args|command|image|imagePullPolicy)": HEEDED,
    rf"{CONTAINER}\.resources\.limits\.memory": HEEDED,
    rf"{CONTAINER}\.resources\.requests\.memory": HEEDED,
    rf"{CONTAINER}\.resources\.requests\.cpu": IGNORED,
    rf"{CONTAINER}\.resources\.(requests|limits)\.ephemeral-storage": IGNORED,
    rf"{CONTAINER}\.securityContext\.(runAsUser|runAsGroup)": HEEDED,
    rf"{CONTAINER}\.securityContext\.(allowPrivilegeEscalation|readOnlyRootFilesystem)": HEEDED,
    rf"{CONTAINER}\.securityContext\.capabilities\.drop": HEEDED,
    rf"{CONTAINER}\.volumeMounts\[\]\.(name|mountPath|readOnly)": HEEDED,
    # podman would mount the whole volume in place of the file.
    rf"{CONTAINER}\.volumeMounts\[\]\.subPath": REWRITTEN,
    # podman would start them one after the other, and wait for the end of each.
    r"initContainers\[\]\.restartPolicy": REWRITTEN,
    # podman would publish each at the same port of the machine, for one pod only.
    rf"{CONTAINER}\.ports\[\]\..*": OUTSIDE,
    # podman would run curl, which the image does not have, inside.
    rf"{CONTAINER}\.(startup|liveness|readiness)Probe\..*": OUTSIDE,
    r"terminationGracePeriodSeconds": OUTSIDE,
    r"securityContext\.(runAsUser|runAsGroup)": HEEDED,
    r"securityContext\.fsGroup": REWRITTEN,
    r"securityContext\.runAsNonRoot": IGNORED,
    # podman's own default profile is in force.
    r"securityContext\.seccompProfile\.type": IGNORED,
    r"enableServiceLinks": IGNORED,
    r"automountServiceAccountToken": IGNORED,
    r"topologySpreadConstraints\[\]\..*": IGNORED,
    r"volumes\[\]\.name": HEEDED,
    r"volumes\[\]\.configMap\.name": HEEDED,
    # podman would make one folder for all pods, owned by the user that comes first.
    r"volumes\[\]\.emptyDir.*": REWRITTEN,
}


def overlay(folder: Path, base: Path, images: dict[str, str], changes: dict[str, str]) -> Objects:
    """Render an overlay of a folder, as a user writes one: other images, and other settings."""
    settings = (base / "maitred.toml").read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in settings, f"{base} does not set `{old}` any more"
        settings = settings.replace(old, new)
    folder.mkdir()
    (folder / "maitred.toml").write_text(settings, encoding="utf-8")
    (config,) = re.findall(
        r"- name: (\S+)\n    files:\s*(?:- |\[)maitred\.toml", kustomization(base)
    )
    said = {
        "resources": [os.path.relpath(base, folder)],
        "images": [{"name": old, "newName": new} for old, new in images.items()],
        "configMapGenerator": [
            {"name": config, "behavior": "replace", "files": ["maitred.toml"]},
        ],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(said), encoding="utf-8")
    return kustomized(folder)


def kustomization(folder: Path) -> str:
    """What the folder's own file says."""
    return (folder / "kustomization.yaml").read_text(encoding="utf-8")


def fields(value: object, path: str = "") -> Iterator[str]:
    """Every field below, as a path without numbers."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from fields(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for inner in value:
            yield from fields(inner, f"{path}[]")
    else:
        yield path


def handling(template: Manifest) -> dict[str, str | None]:
    """What becomes of each field of a pod template; `None` if nobody has said."""
    found = {f"metadata.{field}" for field in fields(template["metadata"])}
    found |= set(fields(template["spec"]))
    return {
        field: next(
            (
                what
                for pattern, what in HANDLED.items()
                if re.fullmatch(pattern, field)
                or re.fullmatch(pattern, field.replace("initContainers", "containers"))
            ),
            None,
        )
        for field in sorted(found)
    }


def template_of(objects: Objects) -> Manifest:
    """The pod template of the only Deployment."""
    (template,) = (
        manifest["spec"]["template"]
        for (kind, _), manifest in objects.items()
        if kind == "Deployment"
    )
    return template


def config_maps(objects: Objects) -> dict[str, dict[str, str]]:
    """The files of every ConfigMap."""
    return {name: it["data"] for (kind, name), it in objects.items() if kind == "ConfigMap"}


class Folders:
    """The volumes of a pod, made as a kubelet makes them."""

    def __init__(self, folder: Path, group: int) -> None:
        self.folder = folder
        self.group = group
        self.mounted: list[Path] = []

    def empty(self, name: str, about: dict[str, Any]) -> Path:
        """An `emptyDir`: everybody's, and what is made in it belongs to the group of the pod."""
        made = self.folder / name
        made.mkdir()
        if about.get("medium") == "Memory":
            size = f"size={about['sizeLimit'].removesuffix('i').lower()}"
            run(program("mount"), "-t", "tmpfs", "-o", size, "tmpfs", made)
            self.mounted.append(made)
        os.chown(made, -1, self.group)
        made.chmod(0o2777)
        return made

    def file(self, name: str, text: str) -> Path:
        """One file of a ConfigMap."""
        made = self.folder / name
        made.write_text(text, encoding="utf-8")
        made.chmod(0o644)
        return made

    def remove(self) -> None:
        """Unmount what is mounted; the rest is in a folder of the test."""
        for made in self.mounted:
            run(program("umount"), made)


def pod_for_podman(objects: Objects, name: str, folders: Folders) -> list[Manifest]:
    """The pod of the Deployment in `objects`, and its ConfigMaps, as podman takes them."""
    template = copy.deepcopy(template_of(objects))
    spec = template["spec"]
    files = config_maps(objects)

    sidecars = spec.pop("initContainers", [])
    for container in sidecars:
        assert container.pop("restartPolicy") == "Always", "only sidecars are rewritten"
    spec["containers"] = [*sidecars, *spec["containers"]]

    group = spec["securityContext"].pop("fsGroup")
    spec["securityContext"]["supplementalGroups"] = [group]

    given = {volume["name"]: volume for volume in spec["volumes"]}
    used = []
    for container in spec["containers"]:
        for outside in ("ports", "startupProbe", "livenessProbe", "readinessProbe"):
            container.pop(outside, None)
        for mount in container["volumeMounts"]:
            file = mount.pop("subPath", None)
            if file is None:
                used.append(mount["name"])
                continue
            text = files[given[mount["name"]]["configMap"]["name"]][file]
            spec["volumes"].append(on_the_machine(file, folders.file(file, text)))
            mount["name"] = own_name(file)
            used.append(mount["name"])
    for volume in spec["volumes"]:
        if "emptyDir" in volume:
            made = folders.empty(volume["name"], volume.pop("emptyDir") or {})
            volume["hostPath"] = {"path": str(made), "type": "Directory"}
    spec["volumes"] = [volume for volume in spec["volumes"] if volume["name"] in used]

    # podman's volumes are the machine's, not the pod's: each pod has names of its own.
    needed = {volume["configMap"]["name"] for volume in spec["volumes"] if "configMap" in volume}
    for volume in spec["volumes"]:
        if "configMap" in volume:
            volume["configMap"]["name"] = f"{name}-{volume['configMap']['name']}"
    return [
        *(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"{name}-{config}"},
                "data": files[config],
            }
            for config in sorted(needed)
        ),
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"labels": template["metadata"]["labels"], "name": name},
            "spec": spec,
        },
    ]


def own_name(file: str) -> str:
    """The name of the volume of one file."""
    return re.sub(r"[^a-z0-9]", "-", file.lower())


def on_the_machine(file: str, path: Path) -> Manifest:
    """A volume that is a file of the machine."""
    return {"name": own_name(file), "hostPath": {"path": str(path), "type": "File"}}


class Pod(Address):
    """A running pod."""

    def __init__(self, name: str, template: Manifest) -> None:
        super().__init__(address_of(inspected("pod", name)["InfraContainerID"]))
        self.name = name
        self.spec = template["spec"]

    def container(self, name: str) -> Container:
        """One of its containers, by the name that the manifest gives it."""
        return Container(f"{self.name}-{name}", self.host)

    def probes(self, container: str) -> dict[str, tuple[str, int]]:
        """The path and the port of each HTTP probe of a container, as the manifest has them."""
        (about,) = (it for it in containers(self.spec) if it["name"] == container)
        ports = {port["name"]: port["containerPort"] for port in about["ports"]}
        asked = {name: probe["httpGet"] for name, probe in about.items() if name.endswith("Probe")}
        return {name: (get["path"], ports[get["port"]]) for name, get in asked.items()}

    def stop(self) -> dict[str, int]:
        """Stop it as a kubelet does, and return the status of each container.

        The main containers first, then the sidecars in reverse order, all within one period. What
        is killed at its end has status 137.
        """
        ends = time.monotonic() + self.spec["terminationGracePeriodSeconds"]
        sidecars = [it["name"] for it in reversed(self.spec.get("initContainers", []))]
        statuses = {}
        for name in [*(it["name"] for it in self.spec["containers"]), *sidecars]:
            left = max(0, int(ends - time.monotonic()))
            statuses[name] = self.container(name).stop(left)
        return statuses
