"""Tests of the pods of `deploy/`, each with an address of its own, asked as a cluster asks them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from manifests import DEPLOY, KUBERNETES, Objects, kustomized, templated
from podman import ADMIN, HTTP, inspected, until
from pods import HANDLED, IGNORED, Pod, config_maps, handling, overlay, template_of

pytestmark = pytest.mark.containers

Start = Callable[[Objects], Pod]

#: Larger than `inbuf-overflow`, so that it goes to a file.
LARGE = bytes(range(256)) * 8192

MEBIBYTE = 1 << 20

IMAGES = {"maitred": "localhost/shop"}
APPLICATION = {'app = "maitred.demo:app"': 'app = "shop.wsgi:application"'}


def of_kustomize(folder: Path) -> Objects:
    """Render an overlay of the base, with an image and an application of a user's own."""
    return overlay(folder / "overlay", KUBERNETES / "base", IMAGES, APPLICATION)


def of_helm(folder: Path) -> Objects:
    """Render the chart with them."""
    return templated({"image": {"repository": "localhost/shop"}, "app": "shop.wsgi:application"})


@pytest.mark.parametrize("render", [of_kustomize, of_helm])
def test_the_pod_serves_as_its_manifest_says_and_ends_within_its_period(
    pod: Start, tmp_path: Path, render: Callable[[Path], Objects]
) -> None:
    running = pod(render(tmp_path))
    probes = running.probes("maitred")
    assert {name: running.probe(*where) for name, where in probes.items()} == {
        "startupProbe": 200,
        "livenessProbe": 200,
        "readinessProbe": 200,
    }
    facts = running.facts(method="POST", body=LARGE)
    assert (facts["user"], facts["group"]) == (10001, 10001)
    assert set(facts["capabilities"]) == {"0" * 16}
    assert facts["no_new_privileges"]
    assert [folder for folder, may in facts["writes"].items() if may] == ["/tmp"]  # noqa: S108
    assert facts["sha256"] == hashlib.sha256(LARGE).hexdigest()
    about = inspected("container", running.container("maitred").name)
    assert about["HostConfig"]["Memory"] == 512 * MEBIBYTE
    # The settings are those of the ConfigMap, mounted over the image's.
    settings = running.statusz()["settings"]
    assert settings["threads"]["value"] == 8
    assert settings["threads"]["origin"].startswith("/etc/maitred/maitred.toml:")
    assert running.stop() == {"maitred": 0}


@pytest.mark.parametrize("folder", ["base", "examples/proxy-sidecar", "examples/native-sidecar"])
def test_every_field_of_a_pod_is_heeded_or_it_is_said_why_not(folder: str) -> None:
    found = handling(template_of(kustomized(KUBERNETES / folder)))
    assert [field for field, what in found.items() if what is None] == []


def test_no_field_is_said_to_be_handled_that_no_pod_has() -> None:
    folders = ["base", "examples/proxy-sidecar", "examples/native-sidecar"]
    templates = [template_of(kustomized(KUBERNETES / folder)) for folder in folders]
    templates.append(template_of(templated({})))
    found = {field for template in templates for field in handling(template)}
    fields = found | {field.replace("initContainers", "containers") for field in found}
    assert [p for p in HANDLED if not any(re.fullmatch(p, field) for field in fields)] == []
    assert IGNORED in HANDLED.values()


def test_two_workers_in_a_pod_are_one_scrape(pod: Start, tmp_path: Path) -> None:
    changes = {**APPLICATION, "workers = 1": "workers = 2"}
    running = pod(overlay(tmp_path / "overlay", KUBERNETES / "base", IMAGES, changes))
    until(
        lambda: [it["state"] for it in running.statusz()["workers"]] == ["ready", "ready"],
        lambda: running.container("maitred").log,
    )
    asked, answered = 0, set()
    while answered != {"0", "1"}:
        answered.add(running.facts()["worker"])
        asked += 1
        assert asked < 1000, answered
    scrape = running.ask("/metrics", ADMIN).body.decode()
    counted = dict(re.findall(r'^maitred_requests_total\{worker="(\d)",.* (\d+)$', scrape, re.M))
    assert counted.keys() == {"0", "1"}, scrape
    series = re.findall(r'^maitred_requests_total\{worker="\d",.* (\d+)$', scrape, re.M)
    assert sum(map(int, series)) == asked
    assert running.stop() == {"maitred": 0}


def proxied(folder: Path) -> Objects:
    """Render an overlay of the sidecar example."""
    return overlay(folder / "overlay", KUBERNETES / "examples/proxy-sidecar", IMAGES, APPLICATION)


def with_envoy(objects: Objects) -> Objects:
    """Put Envoy, with the sample of `deploy/`, in the place of nginx."""
    sample = (DEPLOY / "envoy.yaml").read_text(encoding="utf-8")
    assert sample.count("port_value: 80}") == 2
    (sidecar,) = template_of(objects)["spec"]["initContainers"]
    sidecar["image"] = "localhost/envoy"
    sidecar["imagePullPolicy"] = "IfNotPresent"
    sidecar["command"] = ["envoy", "--disable-hot-restart", "-c", "/etc/envoy/envoy.yaml"]
    for mount in sidecar["volumeMounts"]:
        if mount["name"] == "nginx":
            mount["mountPath"] = "/etc/envoy/envoy.yaml"
            mount["subPath"] = "envoy.yaml"
    for data in config_maps(objects).values():
        if data.pop("nginx.conf", None):
            data["envoy.yaml"] = sample.replace("port_value: 80}", f"port_value: {HTTP}}}")
    return objects


@pytest.mark.parametrize("change", [lambda objects: objects, with_envoy], ids=["nginx", "envoy"])
def test_a_proxy_beside_the_server_reaches_it_over_the_socket_until_its_end(
    pod: Start, tmp_path: Path, change: Callable[[Objects], Objects]
) -> None:
    running = pod(change(proxied(tmp_path)))
    proxy, server = running.container("nginx"), running.container("maitred")
    until(lambda: running.probe("/", HTTP) == 200, lambda: proxy.log + server.log)
    facts = running.facts(method="POST", body=LARGE)
    assert facts["user"] == 10001
    assert facts["groups"] == [10001]
    # What the proxy says of the client, who is at the other end of the pod's bridge.
    assert facts["client"] != "127.0.0.1"
    assert facts["client"].rpartition(".")[0] == running.host.rpartition(".")[0]
    assert facts["scheme"] == "http"
    assert facts["sha256"] == hashlib.sha256(LARGE).hexdigest()
    assert "uid=10002" in proxy.execute("id").stdout
    # The socket is that of the group which both are in, by fsGroup and the folder's setgid bit.
    seen = server.execute("stat", "--format=%a %u %g", "/run/maitred/maitred.sock").stdout
    assert seen.split() == ["660", "10001", "10001"]
    assert {it: running.probe(*where) for it, where in running.probes("maitred").items()} == {
        "startupProbe": 200,
        "livenessProbe": 200,
        "readinessProbe": 200,
    }

    # A pod ends with its main container first, while the proxy goes on taking requests.
    stopping = server.being_stopped()
    server.wait_for("draining")
    assert running.probe("/readyz") == 503
    assert [running.probe("/", HTTP) for _ in range(50)] == [200] * 50
    assert stopping.wait() == 0
    assert server.status == 0
    assert proxy.runs
    assert running.probe("/", HTTP) in (502, 503)  # by then no load balancer sends any
    assert proxy.stop() == 0


def test_the_server_beside_another_program_ends_after_it(pod: Start, tmp_path: Path) -> None:
    example = KUBERNETES / "examples/native-sidecar"
    images = {**IMAGES, "tasks": "localhost/shop"}
    running = pod(overlay(tmp_path / "overlay", example, images, APPLICATION))
    worker, server = running.container("worker"), running.container("maitred")
    worker.wait_for("working")
    assert running.facts(method="POST", body=b"x" * MEBIBYTE)["user"] == 10001
    about = inspected("container", server.name)
    assert about["HostConfig"]["Memory"] == 128 * MEBIBYTE
    # Both write to the one volume at /tmp, and the group is the pod's.
    assert worker.execute("sh", "-c", "echo done > /tmp/state").returncode == 0
    assert server.execute("stat", "--format=%g", "/tmp/state").stdout.split() == ["10001"]  # noqa: S108

    assert worker.stop() == 0
    assert "the last task is done" in worker.log
    assert running.probe("/readyz") == 200
    assert running.stop() == {"worker": 0, "maitred": 0}
