"""Tests that what scales an application counts its own pods, and no others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from manifests import KUBERNETES, Objects, kustomized, program, run, templated

pytestmark = pytest.mark.system

#: Two releases of the chart in one namespace, of which one name begins with the other.
RELEASES = ("maitred", "maitred-admin")

#: Busy thread-seconds per second of each pod, and its threads.
BUSY, THREADS = 6, 8


def scraped_as(objects: Objects) -> str:
    """Return the label `job` that the series of these pods get from their monitor."""
    (monitor,) = [o for (kind, _), o in objects.items() if kind in ("PodMonitor", "ServiceMonitor")]
    spec = monitor["spec"]
    (endpoint,) = spec.get("podMetricsEndpoints") or spec["endpoints"]
    (job,) = [r["replacement"] for r in endpoint["relabelings"] if r["targetLabel"] == "job"]
    return job


def asked(objects: Objects) -> str:
    """Return the query with which KEDA scales them."""
    (scaled,) = [o for (kind, _), o in objects.items() if kind == "ScaledObject"]
    return scaled["spec"]["triggers"][0]["metadata"]["query"]


def series(job: str, pods: int) -> list[dict[str, str]]:
    """Return what so many pods export, each as long as a range needs."""
    labels = [f'namespace="default",job="{job}",pod="{job}-{n}",worker="0"' for n in range(pods)]
    return [
        {"series": f"{name}{{{label}}}", "values": values}
        for label in labels
        for name, values in [
            ("maitred_threads_busy_seconds_total", f"0+{15 * BUSY}x40"),
            ("maitred_threads_limit", f"{THREADS}x40"),
        ]
    ]


def evaluated(folder: Path, query: str, sources: list[dict[str, str]], value: float) -> None:
    """Let Prometheus evaluate the query over the series; anything but the value is a failure."""
    test: dict[str, Any] = {
        "tests": [
            {
                "interval": "15s",
                "input_series": sources,
                "promql_expr_test": [
                    {"expr": query, "eval_time": "8m", "exp_samples": [{"value": value}]}
                ],
            }
        ]
    }
    # YAML contains JSON.
    (folder / "test.yml").write_text(json.dumps(test), encoding="utf-8")
    run(program("promtool"), "test", "rules", folder / "test.yml")


@pytest.mark.parametrize("monitor", ["podMonitor", "serviceMonitor"])
def test_a_release_does_not_count_the_pods_of_another(monitor: str, tmp_path: Path) -> None:
    values = {monitor: {"enabled": True}, "autoscaling": {"by": "keda"}}
    rendered = [templated(values, name=name) for name in RELEASES]
    first, second = (scraped_as(objects) for objects in rendered)
    assert first != second
    both = series(first, 2) + series(second, 5)
    evaluated(tmp_path, asked(rendered[0]), both, 2 * BUSY / THREADS)
    evaluated(tmp_path, asked(rendered[1]), both, 5 * BUSY / THREADS)


def test_neither_does_the_kustomize_overlay(tmp_path: Path) -> None:
    objects = kustomized(KUBERNETES / "overlays/keda")
    both = series(scraped_as(objects), 2) + series("maitred-admin", 5)
    evaluated(tmp_path, asked(objects), both, 2 * BUSY / THREADS)


def test_the_threads_of_a_pod_are_those_of_all_its_processes(tmp_path: Path) -> None:
    objects = kustomized(KUBERNETES / "overlays/keda")
    one = series(scraped_as(objects), 1)
    another = [{**s, "series": re.sub('worker="0"', 'worker="1"', s["series"])} for s in one]
    evaluated(tmp_path, asked(objects), one + another, 2 * BUSY / (2 * THREADS))


def test_another_query_can_be_given() -> None:
    values = {"autoscaling": {"by": "keda", "keda": {"query": "sum(mine)"}}}
    assert asked(templated(values)) == "sum(mine)"
