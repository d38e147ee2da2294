"""Tests of the chart: it is linted, rendered, equal to the Kustomize base, and validates values."""

import json
from typing import Any

import pytest
from manifests import (
    CHART,
    KUBERNETES,
    Objects,
    by_name,
    documents,
    kustomized,
    meaning,
    settings,
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


def templated(values: Values, name: str = "maitred", namespace: str = "default") -> Objects:
    """Render the chart, as `helm template` would."""
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


def refused(values: Values) -> str:
    """Return what the schema says against the values."""
    from helm_python import Chart, HelmError

    with pytest.raises(HelmError) as caught:
        Chart.load(CHART).validate_schema(values)
    return str(caught.value)


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
            "serviceAccountName": "shop",
            "service": {"type": "LoadBalancer", "annotations": {"internal": "true"}},
            "networkPolicy": {"from": [{"podSelector": {"matchLabels": {"app": "edge"}}}]},
            "autoscaling": {"by": "hpa"},
        },
        name="shop",
    )
    assert [p for o in objects.values() for p in unknown_to_kubernetes(o, version)] == []
    pod = objects["Deployment", "shop-maitred"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "shop:2.1@sha256:" + "0" * 64


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
    assert '{namespace="web", pod=~"shop-maitred-.*"}' in trigger["metadata"]["query"]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"thread": 8}, "thread"),
        ({"settings": {"admin-listen": "*:1"}}, "admin-listen"),
        ({"autoscaling": {"by": "cpu"}}, "by"),
        ({"autoscaling": {"targetUtilization": 70}}, "targetUtilization"),
        ({"drain": {"delaySeconds": "5s"}}, "delaySeconds"),
        ({"port": 0}, "port"),
        ({"image": {"digest": "latest"}}, "digest"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: Values, word: str) -> None:
    assert word in refused(values)


def test_every_value_has_a_place_in_the_schema_and_every_place_a_default() -> None:
    from helm_python import Chart

    chart = Chart.load(CHART)
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert set(chart.values) == set(schema["properties"]) - {"global"}
    for name, part in schema["properties"].items():
        if part.get("additionalProperties") is False and "properties" in part and name != "probes":
            assert set(chart.values[name]) == set(part["properties"]), name
