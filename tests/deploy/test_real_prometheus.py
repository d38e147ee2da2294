"""Tests that what a real Prometheus scrapes under load equals what the clients counted."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crowd
import pytest
import yaml
from manifests import DEPLOY, ROOT, expressions, run
from manifests import program as find
from metric_names import known
from ports import free_port
from server import Server

pytestmark = pytest.mark.system

REQUESTS = 1_000
SECONDS_MAX = 60

#: The namespace that the operator adds to each series, as it adds the pod; any names would do.
NAMESPACE = "test"

#: How each server is started. Some metrics are a supervisor's, and some those of a single process;
#: one needs `preload`.
PODS = {"single": (), "supervised": ("--workers=2", "--preload")}


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that runs, and the servers that it scrapes."""

    url: str
    servers: dict[str, Server]
    admin: dict[str, int]

    def api(self, path: str, **parameters: str) -> Any:
        """Ask its API."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=60) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate an expression now; return its series."""
        return self.api("query", query=expression)["result"]

    def value(self, expression: str) -> float:
        """Evaluate an expression with one value."""
        (series,) = self.query(expression)
        return float(series["value"][1])

    def wait_for_scrapes(self, count: int) -> None:
        """Wait until so many more scrapes have been stored than by now."""
        scrapes = "min(count_over_time(up[1h]))"
        stored = self.value(scrapes)
        self.wait_until(lambda: self.value(scrapes) >= stored + count, f"{count} more scrapes")

    def wait_until(self, done: Callable[[], bool], what: str) -> None:
        """Wait for something to be true; scrapes come every second."""
        deadline = time.monotonic() + SECONDS_MAX
        while not done():
            assert time.monotonic() < deadline, f"Prometheus never saw that {what}"
            time.sleep(0.1)


@pytest.fixture
def prometheus(
    maitred: Callable[..., Server], program_of: Callable[..., Server], tmp_path: Path
) -> Prometheus:
    """Start the servers, and a Prometheus with our rules that scrapes them each second."""
    port = free_port()
    admin = {pod: free_port() for pod in PODS}
    servers = {
        pod: maitred(
            *(*arguments, f"--admin-listen=127.0.0.1:{admin[pod]}", "echo_app:app"),
            cwd=ROOT / "tests" / "proxies",
        )
        for pod, arguments in PODS.items()
    }
    rules = (DEPLOY / "prometheus" / "rules.yml").read_text(encoding="utf-8")
    assert "interval: 15s" in rules
    (tmp_path / "rules.yml").write_text(rules.replace("interval: 15s", "interval: 1s"))
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            {
                "job_name": "shop",
                "static_configs": [
                    {
                        "targets": [f"127.0.0.1:{admin[pod]}"],
                        "labels": {"namespace": NAMESPACE, "pod": pod},
                    }
                    for pod in PODS
                ],
            }
        ],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    program_of(
        find("prometheus"),
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ).wait_for("Server is ready to receive web requests")
    started = Prometheus(f"http://127.0.0.1:{port}", servers, admin)
    started.wait_until(lambda: len(started.query("up == 1")) == len(PODS), "the servers are up")
    return started


@pytest.fixture
def program_of() -> Iterator[Callable[..., Server]]:
    """Start any program; it is ended with the test."""
    started: list[Server] = []

    def start(*command: str) -> Server:
        started.append(Server(command))
        return started[-1]

    yield start
    for program in started:
        program.close()


@pytest.mark.parametrize("pod", PODS)
def test_it_stores_what_the_clients_counted(prometheus: Prometheus, pod: str) -> None:
    # The other server has counted nothing.
    outcome = crowd.send(prometheus.servers[pod].address[1], REQUESTS)
    assert outcome.wrong == []
    total = "sum(maitred_requests_total)"
    prometheus.wait_until(lambda: prometheus.value(total) >= REQUESTS, "all requests have ended")

    # Of the last requests one scrape may tell only a part.
    prometheus.wait_for_scrapes(2)

    gets = sum(count for kind, count in outcome.right.items() if kind.endswith("get"))
    counted = {
        (series["metric"]["method"], series["metric"]["code"]): float(series["value"][1])
        for series in prometheus.query("sum by (method, code) (maitred_requests_total) > 0")
    }
    assert counted == {("GET", "200"): gets, ("POST", "200"): REQUESTS - gets}

    value = prometheus.value
    assert value("sum(maitred_request_body_bytes_total)") == outcome.bytes_sent
    assert value("sum(maitred_response_body_bytes_total)") == outcome.bytes_received
    assert value("sum(maitred_request_duration_seconds_count)") == REQUESTS
    assert value("sum(maitred_app_duration_seconds_count)") == REQUESTS
    assert value("sum(maitred_queue_wait_seconds_count)") == REQUESTS
    assert value("sum(maitred_connections_accepted_total)") == crowd.CLIENTS
    assert value("sum(maitred_app_exceptions_total)") == 0
    assert value("sum(maitred_connections_rejected_total)") == 0
    # A thread is busy for as long as the application runs, and a little before and after.
    busy, app = "maitred_threads_busy_seconds_total", "maitred_app_duration_seconds_sum"
    assert value(f"sum({busy})") >= 0.95 * value(f"sum({app})") > 0


def test_every_rule_is_evaluated_without_complaint(prometheus: Prometheus) -> None:
    def evaluated() -> bool:
        (group,) = prometheus.api("rules")["groups"]
        return all(rule["health"] != "unknown" for rule in group["rules"])

    prometheus.wait_until(evaluated, "every rule was evaluated")
    (group,) = prometheus.api("rules")["groups"]
    assert {rule["name"]: rule.get("lastError", "") for rule in group["rules"]} == {
        rule["name"]: "" for rule in group["rules"]
    }
    assert [rule["name"] for rule in group["rules"] if rule.get("alerts")] == []
    recorded = "pod:maitred_thread_utilization:ratio_rate1m"
    prometheus.wait_until(
        lambda: len(prometheus.query(recorded)) == len(PODS), "a rate could be taken of every pod"
    )
    told = [series["metric"] for series in prometheus.query(recorded)]
    expected = [{"__name__": recorded, "namespace": NAMESPACE, "pod": pod} for pod in sorted(PODS)]
    assert sorted(told, key=lambda labels: labels["pod"]) == expected


def test_every_panel_of_the_dashboard_has_something_to_show(prometheus: Prometheus) -> None:
    dashboard = json.loads((DEPLOY / "grafana" / "maitred.json").read_text(encoding="utf-8"))
    scrapes = "count by (pod) (count_over_time(maitred_ready[1m]) >= 3)"
    prometheus.wait_until(
        lambda: len(prometheus.query(scrapes)) == len(PODS), "every pod was scraped three times"
    )
    empty = []
    for expression in expressions(dashboard):
        filled = expression.replace("$__rate_interval", "1m").removesuffix(" > 0")
        for variable in ("namespace", "job", "pod"):
            filled = filled.replace(f"${variable}", ".*")
        if not prometheus.query(filled):
            empty.append(expression)
    assert empty == []


def test_scrapes_are_well_formed_and_have_every_metric_that_is_documented(
    prometheus: Prometheus,
) -> None:
    scraped: set[str] = set()
    for port in prometheus.admin.values():
        url = f"http://127.0.0.1:{port}/metrics"
        with urllib.request.urlopen(url, timeout=60) as answer:
            text = answer.read().decode()
        assert run(find("promtool"), "check", "metrics", stdin=text) == ""
        scraped |= {line.split("{")[0] for line in text.splitlines() if line[:1] not in ("", "#")}
    documented = {name for name in known() if f"{name}_bucket" not in known()}
    assert documented - scraped == set()
    assert scraped - documented == set()
