"""Tests of the chart: it is linted, rendered, and equal to the Kustomize base."""

from typing import Any

import pytest
from manifests import (
    CHART,
    KUBERNETES,
    containers,
    kustomized,
    meaning,
    noted,
    of_an_operator,
    operators_complaints,
    settings,
    templated,
    tomllib,
    unknown_to_kubernetes,
)

pytestmark = pytest.mark.system

Values = dict[str, Any]

OPERATED: Values = {
    "podMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "grafanaDashboard": {"enabled": True},
}

#: What makes the chart render each of the Kustomize folders.
SAME: dict[str, Values] = {
    "base": {},
    "overlays/full": {**OPERATED, "autoscaling": {"by": "hpa"}},
    "overlays/keda": {**OPERATED, "autoscaling": {"by": "keda"}},
}


@pytest.mark.parametrize("folder", SAME)
def test_the_chart_renders_the_objects_of_the_kustomize_folder(folder: str) -> None:
    chart = meaning(templated(SAME[folder]))
    kustomize = meaning(kustomized(KUBERNETES / folder))
    assert chart.keys() == kustomize.keys()
    for key, manifest in kustomize.items():
        assert chart[key] == manifest


@pytest.mark.parametrize("folder", SAME)
def test_the_chart_lints_without_a_warning(folder: str) -> None:
    from helm_python.chart import lint

    report = lint(CHART, SAME[folder], strict=True)
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


@pytest.mark.parametrize("version", ["1.29", "newest"])
def test_every_optional_field_is_one_that_kubernetes_knows(version: str) -> None:
    objects = templated(
        {
            "image": {"repository": "shop", "tag": "2.1", "digest": "sha256:" + "0" * 64},
            "imagePullSecrets": [{"name": "registry"}],
            "env": [{"name": "DJANGO_SETTINGS_MODULE", "value": "shop.settings"}],
            "envFrom": [{"secretRef": {"name": "shop"}}],
            "extraVolumes": [{"name": "media", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "media", "mountPath": "/srv/media"}],
            "extraContainers": [{"name": "other", "image": "other"}],
            "initContainers": [{"name": "nginx", "image": "nginx", "restartPolicy": "Always"}],
            "podLabels": {"team": "shop"},
            "podAnnotations": {"note": "yes"},
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"key": "shop", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "priorityClassName": "high",
            "serviceAccount": {"create": True, "annotations": {"role": "shop"}},
            "service": {
                "type": "LoadBalancer",
                "nodePort": 30080,
                "annotations": {"internal": "true"},
                "externalTrafficPolicy": "Local",
                "ipFamilyPolicy": "PreferDualStack",
                "ipFamilies": ["IPv6", "IPv4"],
                "loadBalancerClass": "example.com/internal",
                "loadBalancerSourceRanges": ["10.0.0.0/8"],
            },
            "networkPolicy": {"from": [{"podSelector": {"matchLabels": {"app": "edge"}}}]},
            "autoscaling": {"by": "hpa"},
            "command": ["opentelemetry-instrument", "maitred"],
            "args": ["--config=/etc/maitred/maitred.toml", "--log-level=debug"],
            "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
            "shareProcessNamespace": True,
            "strategy": {"type": "Recreate", "rollingUpdate": None},
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "topology.kubernetes.io/zone",
                    "whenUnsatisfiable": "DoNotSchedule",
                }
            ],
            "dnsPolicy": "None",
            "dnsConfig": {"nameservers": ["10.0.0.10"]},
            "commonLabels": {"cost": "web"},
            "temporary": {"medium": "Memory", "sizeLimit": "64Mi"},
            "ingress": {
                "enabled": True,
                "className": "nginx",
                "annotations": {"note": "yes"},
                "hosts": [
                    {"host": "shop.example"},
                    {"host": "a.example", "paths": [{"path": "/a"}]},
                ],
                "tls": [{"hosts": ["shop.example"], "secretName": "shop"}],
            },
            "migration": {"enabled": True, "command": ["python", "manage.py", "migrate"]},
            "extraObjects": [
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "{{ .Release.Name }}-extra"},
                    "data": {"a": "b"},
                }
            ],
        },
        name="shop",
    )
    assert [p for o in objects.values() for p in unknown_to_kubernetes(o, version)] == []
    assert ("ConfigMap", "shop-extra") in objects
    deployment = objects["Deployment", "shop-maitred"]["spec"]
    assert deployment["strategy"] == {"type": "Recreate"}
    pod = deployment["template"]["spec"]
    assert pod["serviceAccountName"] == "shop-maitred"
    (spread,) = pod["topologySpreadConstraints"]
    assert spread["topologyKey"] == "topology.kubernetes.io/zone"
    assert spread["labelSelector"] == {"matchLabels": deployment["selector"]["matchLabels"]}
    assert {"medium": "Memory", "sizeLimit": "64Mi"} in [v.get("emptyDir") for v in pod["volumes"]]
    (container,) = [c for c in pod["containers"] if c["name"] == "maitred"]
    assert container["image"] == "shop:2.1@sha256:" + "0" * 64
    assert container["command"] == ["opentelemetry-instrument", "maitred"]
    assert container["args"][1:] == ["--log-level=debug"]
    first, second = objects["Ingress", "shop-maitred"]["spec"]["rules"]
    assert first["http"]["paths"][0]["path"] == "/"
    assert second["http"]["paths"][0]["path"] == "/a"


def test_the_objects_of_operators_fit_their_schemas() -> None:
    objects = templated(
        {
            "serviceMonitor": {"enabled": True},
            "prometheusRule": {"enabled": True},
            "autoscaling": {"by": "keda"},
            "httpRoute": {
                "enabled": True,
                "annotations": {"note": "yes"},
                "parentRefs": [{"name": "gateway", "namespace": "infra"}],
                "hostnames": ["shop.example"],
                "filters": [
                    {
                        "type": "RequestHeaderModifier",
                        "requestHeaderModifier": {"remove": ["x-forwarded-port"]},
                    }
                ],
                "timeouts": {"request": "60s"},
            },
        }
    )
    theirs = [manifest for manifest in objects.values() if of_an_operator(manifest)]
    kinds = {manifest["kind"] for manifest in theirs}
    assert kinds == {"ServiceMonitor", "PrometheusRule", "ScaledObject", "HTTPRoute"}
    assert operators_complaints(theirs) == ""


def test_a_service_monitor_selects_the_service_of_the_admin_port_and_no_other() -> None:
    objects = templated({"serviceMonitor": {"enabled": True}}, name="shop")
    wanted = objects["ServiceMonitor", "shop-maitred"]["spec"]["selector"]["matchLabels"].items()
    selected = [
        manifest
        for (kind, _), manifest in objects.items()
        if kind == "Service" and wanted <= manifest["metadata"]["labels"].items()
    ]
    assert [service["metadata"]["name"] for service in selected] == ["shop-maitred-admin"]
    assert [port["name"] for port in selected[0]["spec"]["ports"]] == ["admin"]
    # A pod that drains is not ready, and what it does is still of interest.
    assert selected[0]["spec"]["publishNotReadyAddresses"] is True


def test_common_labels_are_on_every_object_and_every_pod() -> None:
    values = {
        **OPERATED,
        "commonLabels": {"cost": "web"},
        "podLabels": {"team": "shop"},
        "serviceAccount": {"create": True},
        "migration": {"enabled": True, "args": ["migrate"]},
        "ingress": {"enabled": True, "hosts": [{"host": "shop.example"}]},
        "autoscaling": {"by": "keda"},
    }
    for (kind, name), manifest in templated(values).items():
        places = [manifest["metadata"]]
        if kind in {"Deployment", "Job"}:
            places.append(manifest["spec"]["template"]["metadata"])
        assert [place["labels"].get("cost") for place in places] == ["web"] * len(places), name
        if kind == "Deployment":
            assert places[1]["labels"]["team"] == "shop"


def test_nothing_takes_the_pod_of_the_migration_for_one_that_serves() -> None:
    objects = templated(
        {**OPERATED, "migration": {"enabled": True, "command": ["python", "manage.py", "migrate"]}}
    )
    job = objects["Job", "maitred-migration"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    labels = job["spec"]["template"]["metadata"]["labels"].items()
    for kind, path in [
        ("Service", ["selector"]),
        ("Deployment", ["selector", "matchLabels"]),
        ("PodDisruptionBudget", ["selector", "matchLabels"]),
        ("NetworkPolicy", ["podSelector", "matchLabels"]),
        ("PodMonitor", ["selector", "matchLabels"]),
    ]:
        selector = objects[kind, "maitred"]["spec"]
        for step in path:
            selector = selector[step]
        assert not selector.items() <= labels, kind


def test_the_migration_runs_as_the_pods_do_and_needs_nothing_of_the_release() -> None:
    objects = templated(
        {
            "env": [{"name": "A", "value": "b"}],
            "serviceAccount": {"create": True},
            "migration": {"enabled": True, "command": ["python", "manage.py", "migrate"]},
        }
    )
    job = objects["Job", "maitred-migration"]["spec"]["template"]["spec"]
    pod = objects["Deployment", "maitred"]["spec"]["template"]["spec"]
    (migration,), (maitred,) = containers(job), containers(pod)
    for key in ["image", "env", "securityContext", "resources"]:
        assert migration[key] == maitred[key]
    assert job["securityContext"] == pod["securityContext"]
    assert job["automountServiceAccountToken"] is False
    # Neither exists when a hook of the first installation runs.
    assert "serviceAccountName" not in job
    assert [volume for volume in job["volumes"] if "configMap" in volume] == []


def test_another_volume_takes_the_place_of_the_temporary_one() -> None:
    claim = {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}
    objects = templated({"temporary": {"volume": {"ephemeral": claim}}})
    volumes = objects["Deployment", "maitred"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "temporary", "ephemeral": claim} in volumes


def test_the_notes_say_who_may_scrape() -> None:
    said = noted({})
    assert "kubernetes.io/metadata.name: monitoring" in said
    assert "Nothing scrapes it" in said
    assert "Nobody may reach the admin port" in noted({"networkPolicy": {"adminFrom": []}})
    assert "Every pod of the cluster may reach" in noted({"networkPolicy": {"enabled": False}})
    assert 'as job "shop-maitred"' in noted({"podMonitor": {"enabled": True}}, name="shop")
    assert 'as job "shop-maitred"' in noted({"serviceMonitor": {"enabled": True}}, name="shop")


def test_the_grace_period_is_computed_from_the_drain() -> None:
    objects = templated({"drain": {"delaySeconds": 12.5, "gracefulSeconds": 60}})
    pod = objects["Deployment", "maitred"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 13 + 60 + 5
    said = settings(objects)
    assert (said["drain-delay"], said["graceful-timeout"]) == (12.5, 60)


def test_settings_keep_their_types_on_the_way_into_toml() -> None:
    objects = templated(
        {
            "settings": {
                "max-request-body-size": 1073741824,
                "keep-alive-timeout": 7.5,
                "expose-tracebacks": False,
                "server-name": 'a "quoted" <name>\\',
                "trusted-proxy": ["10.0.0.0/8", "localhost"],
            }
        }
    )
    text = objects["ConfigMap", "maitred"]["data"]["maitred.toml"]
    said = tomllib.loads(text)
    assert said["max-request-body-size"] == 1073741824
    assert isinstance(said["threads"], int)
    assert said["keep-alive-timeout"] == 7.5
    assert said["expose-tracebacks"] is False
    assert said["server-name"] == 'a "quoted" <name>\\'
    assert said["trusted-proxy"] == ["10.0.0.0/8", "localhost"]


def test_changed_settings_are_a_rollout() -> None:
    def checksum(values: Values) -> str:
        template = templated(values)["Deployment", "maitred"]["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/config"]

    assert checksum({}) == checksum({"replicas": 3})
    assert checksum({}) != checksum({"settings": {"threads": 9}})
    assert checksum({}) != checksum({"app": "shop.wsgi:application"})


def test_names_and_queries_follow_the_release() -> None:
    objects = templated({**OPERATED, "autoscaling": {"by": "keda"}}, name="shop", namespace="web")
    assert {name for _, name in objects} == {"shop-maitred", "shop-maitred-dashboard"}
    trigger = objects["ScaledObject", "shop-maitred"]["spec"]["triggers"][0]
    assert '{namespace="web", job="shop-maitred"}' in trigger["metadata"]["query"]
