"""Tests of the chart's values: wrong ones are refused, and each is documented with its default."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from manifests import CHART, templated, tomllib

Values = dict[str, Any]

#: The longest default that fits into a cell of the table.
CELL_MAX = 70

SELECTING = "app.kubernetes.io/name"


def refusal(values: Values) -> str:
    """Return what Helm says against the values when it renders them."""
    from helm_python import HelmError

    with pytest.raises(HelmError) as caught:
        templated(values)
    return str(caught.value)


@pytest.mark.system
@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"thread": 8}, "thread"),
        ({"autoscaling": {"by": "cpu"}}, "by"),
        ({"autoscaling": {"targetUtilization": 70}}, "targetUtilization"),
        ({"autoscaling": {"minReplicas": 0}}, "minReplicas"),
        ({"drain": {"delaySeconds": "5s"}}, "delaySeconds"),
        ({"port": 0}, "port"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"ingress": {"hosts": [{"paths": []}]}}, "host"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: Values, word: str) -> None:
    assert word in refusal(values)


@pytest.mark.system
@pytest.mark.parametrize(
    ("values", "limit"),
    [
        ({}, "3GiB"),
        ({"temporary": {"sizeLimit": "500Mi"}}, "375MiB"),
        ({"settings": {"workers": 2}}, "1536MiB"),
        ({"settings": {"spool-limit": "1GiB"}}, "1GiB"),
        ({"settings": {"workers": "auto", "spool-limit": "1GiB"}}, "1GiB"),
        ({"settings": {"workers": None, "spool-limit": "1GiB"}}, "1GiB"),
        ({"temporary": {"volume": {"hostPath": {"path": "/srv/spool"}}}}, None),
        ({"temporary": {"sizeLimit": "4G"}}, None),
    ],
)
def test_spool_limit_is_three_quarters_of_the_volume(values: Values, limit: str | None) -> None:
    rendered = templated(values)
    (config,) = (each for (kind, _), each in rendered.items() if kind == "ConfigMap")
    assert tomllib.loads(config["data"]["maitred.toml"]).get("spool-limit") == limit


@pytest.mark.system
@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"threds": 8}, "threds"),
        ({"threads": 0}, "threads"),
        ({"threads": "many"}, "threads"),
        ({"header-timeout": "5 minutes"}, "header-timeout"),
        ({"log-format": "xml"}, "log-format"),
        ({"expose-tracebacks": "yes"}, "expose-tracebacks"),
        ({"trusted-proxy-count": 0}, "trusted-proxy-count"),
        ({"admin-listen": "*:1"}, "admin-listen"),
        ({"drain-delay": 5}, "drain-delay"),
        ({"listen": "*:80"}, "listen"),
        ({"unix-socket-perms": 432}, "unix-socket-perms"),
        ({"preload": True, "reload": True}, "settings.preload and settings.reload exclude"),
        ({"reload": True, "workers": 2}, "settings.reload serves with one worker process"),
        ({"supervisor": "never", "workers": 2}, "settings.workers needs a supervisor"),
        ({"supervisor": "never", "max-requests": 9}, "settings.max-requests needs a supervisor"),
        ({"supervisor": "never", "max-rss": "25%"}, "settings.max-rss needs a supervisor"),
        ({"ipv4": False, "ipv6": False}, "settings.ipv4 and settings.ipv6 are both off"),
        ({"workers": "auto"}, "set settings.spool-limit"),
        ({"workers": None}, "set settings.spool-limit"),
    ],
)
def test_a_setting_that_the_server_would_refuse_is_refused(settings: Values, word: str) -> None:
    assert word in refusal({"settings": settings})


@pytest.mark.system
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"podLabels": {SELECTING: "mine"}}, f"podLabels has {SELECTING}"),
        (
            {"commonLabels": {"app.kubernetes.io/instance": "mine"}},
            "commonLabels has app.kubernetes.io/instance",
        ),
        ({"podMonitor": {"labels": {SELECTING: "mine"}}}, "podMonitor.labels has"),
        ({"serviceMonitor": {"labels": {SELECTING: "mine"}}}, "serviceMonitor.labels has"),
        ({"prometheusRule": {"labels": {SELECTING: "mine"}}}, "prometheusRule.labels has"),
        ({"grafanaDashboard": {"labels": {SELECTING: "mine"}}}, "grafanaDashboard.labels has"),
        ({"podAnnotations": {"checksum/config": "0"}}, "podAnnotations has checksum/config"),
        ({"port": 9090}, "port and adminPort are both 9090"),
        (
            {"autoscaling": {"by": "hpa", "minReplicas": 11}},
            "minReplicas is 11, above autoscaling.maxReplicas, 10",
        ),
        (
            {"autoscaling": {"by": "keda", "maxReplicas": 3}},
            "fallbackReplicas is 4, above autoscaling.maxReplicas, 3",
        ),
        (
            {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}},
            "counted twice",
        ),
        ({"service": {"nodePort": 30080}}, "service.nodePort needs service.type"),
        ({"service": {"externalTrafficPolicy": "Local"}}, "externalTrafficPolicy needs"),
        ({"service": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}}, "need service.type"),
        ({"service": {"type": "NodePort", "loadBalancerClass": "a/b"}}, "need service.type"),
        ({"ingress": {"enabled": True}}, "ingress.hosts"),
        ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs"),
        ({"migration": {"enabled": True}}, "migration.command"),
    ],
)
def test_values_that_do_not_go_together_are_refused(values: Values, words: str) -> None:
    assert words in refusal(values)


def leaves(part: Values, path: str = "") -> list[str]:
    """Return the path of every value that has a line of its own."""
    inner = part.get("properties", {})
    if path == "settings" or path.startswith("probes.") or not inner:
        return [path]
    return [
        leaf
        for name, below in inner.items()
        for leaf in leaves(below, f"{path}.{name}".lstrip("."))
    ]


def documented() -> dict[str, str]:
    """Return the default of each value by its path, as the table in the README has it."""
    text = (CHART / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \|", text, re.M))


def cell(value: object) -> str:
    """Return how the table writes a default; one that is too long for a cell is elsewhere."""
    if value == "":
        return "–"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`" if len(text) <= CELL_MAX else "see `values.yaml`"


def value_at(values: Any, path: str) -> object:
    """Return what a path of names leads to."""
    for step in path.split("."):
        values = values[step]
    return values


def schema() -> Values:
    """Return the schema of the values, without what Helm adds."""
    found = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    del found["properties"]["global"]
    return found


def test_every_value_is_in_the_table_with_its_default() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    expected = {path: cell(value_at(values, path)) for path in leaves(schema())}
    assert documented() == expected


def test_every_value_has_a_place_in_the_schema_and_every_place_a_default() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert set(values) == set(schema()["properties"])
    for name, part in schema()["properties"].items():
        if name not in ("probes", "settings") and part.get("additionalProperties") is False:
            assert set(values[name]) == set(part["properties"]), name
