"""Tests of the recording rules, the alerts and the rule of the adapter."""

import pytest
import yaml
from manifests import DEPLOY, ROOT, anchors, program, run, tomllib
from metric_names import known, used

RULES = DEPLOY / "prometheus" / "rules.yml"


def rules() -> list[dict]:
    """Return every rule of every group."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.system
def test_prometheus_takes_the_rules() -> None:
    run(program("promtool"), "check", "rules", "--lint-fatal", RULES)


@pytest.mark.system
def test_each_rule_says_what_it_should_of_a_known_state() -> None:
    run(program("promtool"), "test", "rules", "rules.test.yml", cwd=RULES.parent)


def test_every_rule_is_tested() -> None:
    text = (RULES.parent / "rules.test.yml").read_text(encoding="utf-8")
    # A recorded ratio without a test of its own is tested by the alert that reads it.
    read_by_alerts = " ".join(rule["expr"] for rule in rules() if "alert" in rule)
    for rule in rules():
        name = rule.get("alert") or rule["record"]
        assert name in text or name in read_by_alerts, f"nothing tests {name}"


def test_every_metric_in_a_rule_exists() -> None:
    named = {name for rule in rules() for name in used(rule["expr"])}
    assert named
    assert named - known() == set()


def test_the_adapter_names_metrics_that_exist_and_computes_what_the_rule_records() -> None:
    adapter = yaml.safe_load((RULES.parent / "adapter.yml").read_text(encoding="utf-8"))
    (rule,) = adapter["rules"]
    series = rule["seriesQuery"].partition("{")[0]
    query = rule["metricsQuery"].replace("<<.Series>>", series)
    named = used(rule["seriesQuery"]) | used(query)
    recorded = next(r for r in rules() if "thread_utilization" in r.get("record", ""))
    assert named == used(recorded["expr"])
    assert named - known() == set()


@pytest.mark.system
def test_the_adapters_query_is_promql() -> None:
    adapter = yaml.safe_load((RULES.parent / "adapter.yml").read_text(encoding="utf-8"))
    query = (
        adapter["rules"][0]["metricsQuery"]
        .replace("<<.Series>>", "maitred_threads_busy_seconds_total")
        .replace("<<.LabelMatchers>>", 'namespace="web", pod="a"')
        .replace("<<.GroupBy>>", "pod")
    )
    probe = {"groups": [{"name": "adapter", "rules": [{"record": "a:b:c", "expr": query}]}]}
    run(program("promtool"), "check", "rules", "/dev/stdin", stdin=yaml.safe_dump(probe))


def test_every_alert_has_a_severity_and_the_address_of_its_place_in_the_guide() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site = project["urls"]["Documentation"]
    for rule in rules():
        if "alert" not in rule:
            continue
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert {"summary", "description", "runbook_url"} <= rule["annotations"].keys()
        address, _, place = rule["annotations"]["runbook_url"].partition("#")
        page = address.removeprefix(site).replace(".html", ".md")
        assert page != address, f"{rule['alert']}: {address} is not below {site}"
        assert place in anchors(ROOT / "docs" / page), f"{rule['alert']}: {page} has no #{place}"
