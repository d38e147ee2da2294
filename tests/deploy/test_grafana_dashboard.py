"""Tests of the dashboard: it loads, its expressions are PromQL, and its metrics exist."""

import json
import re
from typing import Any

import pytest
import yaml
from manifests import DEPLOY, expressions, program, run
from metric_names import known, used


@pytest.fixture
def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana would import it."""
    return json.loads((DEPLOY / "grafana" / "maitred.json").read_text(encoding="utf-8"))


@pytest.mark.system
def test_every_expression_is_promql(dashboard: dict[str, Any]) -> None:
    checked = [
        {"record": f"dashboard:expression:{number}", "expr": replaced}
        for number, replaced in enumerate(
            expression.replace("$__rate_interval", "1m") for expression in expressions(dashboard)
        )
    ]
    rules = {"groups": [{"name": "dashboard", "rules": checked}]}
    run(program("promtool"), "check", "rules", "/dev/stdin", stdin=yaml.safe_dump(rules))


def test_every_metric_in_it_exists(dashboard: dict[str, Any]) -> None:
    text = " ".join(expressions(dashboard))
    queries = [v["definition"] for v in dashboard["templating"]["list"] if "definition" in v]
    named = used(text) | {name for query in queries for name in used(query)}
    assert named - known() == set()


def test_every_metric_there_is_has_a_panel(dashboard: dict[str, Any]) -> None:
    shown = {re.sub("_(bucket|sum|count)$", "", name) for name in used(str(expressions(dashboard)))}
    documented = {name for name in known() if not re.search("_(bucket|sum|count)$", name)}
    assert documented - shown == set()


def test_each_panel_has_its_own_place_and_number(dashboard: dict[str, Any]) -> None:
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(numbers) == len(set(numbers))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells


def test_every_panel_follows_the_variables(dashboard: dict[str, Any]) -> None:
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert variables == {"datasource", "namespace", "job", "pod"}
    for expression in expressions(dashboard):
        selectors = re.findall(r"\{[^}]*\}", expression)
        assert selectors
        for selector in selectors:
            assert 'namespace=~"$namespace", job=~"$job", pod=~"$pod"' in selector
