"""Tests of the Kustomize base, its components and both sidecar examples."""

import pytest
from manifests import (
    KUBERNETES,
    Objects,
    containers,
    kustomized,
    of_an_operator,
    operators_complaints,
    pod_specs,
    settings,
    unknown_to_kubernetes,
)

pytestmark = pytest.mark.system

FOLDERS = [
    "base",
    "overlays/full",
    "overlays/keda",
    "examples/proxy-sidecar",
    "examples/native-sidecar",
]

#: The oldest version with native sidecars by default, and the newest that has a schema.
VERSIONS = ["1.29", "newest"]


@pytest.fixture(params=FOLDERS)
def rendered(request: pytest.FixtureRequest) -> Objects:
    """Render each folder as `kubectl apply -k` would send it."""
    return kustomized(KUBERNETES / request.param)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_has_only_fields_that_kubernetes_knows(
    rendered: Objects, version: str
) -> None:
    wrong = [
        problem
        for manifest in rendered.values()
        if not of_an_operator(manifest)
        for problem in unknown_to_kubernetes(manifest, version)
    ]
    assert wrong == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schema_would_notice_a_misspelt_field(version: str) -> None:
    deployment = kustomized(KUBERNETES / "base")["Deployment", "maitred"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["startupPrbe"] = container.pop("startupProbe")
    (problem,) = unknown_to_kubernetes(deployment, version)
    assert "startupPrbe" in problem


@pytest.mark.parametrize("overlay", ["full", "keda"])
def test_the_objects_of_operators_fit_their_schemas(overlay: str) -> None:
    objects = kustomized(KUBERNETES / "overlays" / overlay)
    manifests = [manifest for manifest in objects.values() if of_an_operator(manifest)]
    assert {"PodMonitor", "PrometheusRule"} <= {manifest["kind"] for manifest in manifests}
    assert operators_complaints(manifests) == ""


def test_the_operators_schemas_would_notice_a_wrong_type() -> None:
    objects = kustomized(KUBERNETES / "overlays" / "full")
    monitor = objects["PodMonitor", "maitred"]
    monitor["spec"]["podMetricsEndpoints"][0]["port"] = 9090
    assert "podMetricsEndpoints" in operators_complaints([monitor])


def test_every_container_may_do_nothing_but_serve(rendered: Objects) -> None:
    for pod in pod_specs(rendered):
        assert pod["enableServiceLinks"] is False
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            context = container["securityContext"]
            user = context.get("runAsUser", pod["securityContext"].get("runAsUser"))
            assert user, f"{container['name']} has no user of its own"
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()
            assert "ephemeral-storage" in container["resources"]["requests"]
            assert "cpu" not in container["resources"]["limits"]


def test_the_grace_period_covers_the_drain(rendered: Objects) -> None:
    said = settings(rendered)
    drain = said["drain-delay"] + said["graceful-timeout"]
    for pod in pod_specs(rendered):
        assert pod["terminationGracePeriodSeconds"] >= drain + 5


def test_every_probe_asks_the_admin_listener(rendered: Objects) -> None:
    port = int(settings(rendered)["admin-listen"].rpartition(":")[2])
    for pod in pod_specs(rendered):
        maitred = next(c for c in containers(pod) if c["name"] == "maitred")
        ports = {entry["name"]: entry["containerPort"] for entry in maitred["ports"]}
        assert ports["admin"] == port
        for probe, path in [
            ("startupProbe", "/startupz"),
            ("livenessProbe", "/livez"),
            ("readinessProbe", "/readyz"),
        ]:
            assert maitred[probe]["httpGet"] == {"path": path, "port": "admin"}


def test_the_settings_are_mounted_as_a_folder_and_bodies_have_one_to_go_to(
    rendered: Objects,
) -> None:
    for pod in pod_specs(rendered):
        maitred = next(c for c in containers(pod) if c["name"] == "maitred")
        mounts = {mount["mountPath"]: mount for mount in maitred["volumeMounts"]}
        assert "subPath" not in mounts["/etc/maitred"]
        assert "/tmp" in mounts  # noqa: S108
        assert maitred["args"] == ["--config=/etc/maitred/maitred.toml"]


def test_who_scales_owns_the_number_of_pods() -> None:
    assert "replicas" in kustomized(KUBERNETES / "base")["Deployment", "maitred"]["spec"]
    for overlay in ["full", "keda"]:
        objects = kustomized(KUBERNETES / "overlays" / overlay)
        assert "replicas" not in objects["Deployment", "maitred"]["spec"]


def test_both_autoscalers_aim_at_the_same_utilisation() -> None:
    hpa = kustomized(KUBERNETES / "overlays/full")["HorizontalPodAutoscaler", "maitred"]["spec"]
    keda = kustomized(KUBERNETES / "overlays/keda")["ScaledObject", "maitred"]["spec"]
    pods = hpa["metrics"][0]["pods"]
    target = int(pods["target"]["averageValue"].removesuffix("m")) / 1000
    assert target == float(keda["triggers"][0]["metadata"]["threshold"]) == 0.7
    assert hpa["behavior"] == keda["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == (
        keda["minReplicaCount"],
        keda["maxReplicaCount"],
    )


def test_the_proxy_sidecar_reaches_the_socket_through_a_group() -> None:
    objects = kustomized(KUBERNETES / "examples/proxy-sidecar")
    (pod,) = pod_specs(objects)
    nginx, maitred = containers(pod)
    assert nginx["restartPolicy"] == "Always"
    assert nginx["securityContext"]["runAsUser"] != maitred["securityContext"]["runAsUser"]
    assert pod["securityContext"]["fsGroup"]
    said = settings(objects)
    assert said["unix-socket-perms"] == "660"
    path = said["listen"][0].removeprefix("unix:")
    for container in (nginx, maitred):
        assert path.rpartition("/")[0] in {m["mountPath"] for m in container["volumeMounts"]}
    configuration = next(
        manifest["data"]["nginx.conf"]
        for (kind, _), manifest in objects.items()
        if kind == "ConfigMap" and "nginx.conf" in manifest["data"]
    )
    assert f"server unix:{path};" in configuration
    # SIGTERM comes to maitred first, while nginx still forwards.
    assert said["drain-delay"] >= 5


def test_the_native_sidecar_is_started_before_and_stopped_after_the_main_container() -> None:
    (pod,) = pod_specs(kustomized(KUBERNETES / "examples/native-sidecar"))
    (sidecar,) = pod["initContainers"]
    assert sidecar["name"] == "maitred"
    assert sidecar["restartPolicy"] == "Always"
    assert "startupProbe" in sidecar
