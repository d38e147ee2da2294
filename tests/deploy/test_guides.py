"""Tests of the guides: links to headings and names of metrics are valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from manifests import ROOT, anchors
from metric_names import known, used

GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_link_to_a_heading_finds_it(guide: Path) -> None:
    for path, anchor in LINK.findall(guide.read_text(encoding="utf-8")):
        page = (guide.parent / path).resolve() if path else guide
        assert anchor in anchors(page), f"{guide.name}: {path} has no #{anchor}"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_metric_it_names_exists(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    # What prometheus-adapter makes of two of them, and the fixture of pytest.
    made = {"maitred_thread_utilization", "maitred_server"}
    assert used(text) - made - known() == set()


def test_a_service_that_is_no_server_is_not_asked_for_its_health() -> None:
    text = (ROOT / "docs/guides/compose.md").read_text(encoding="utf-8")
    compose = yaml.safe_load(re.findall(r"```yaml compose.yaml\n(.*?)^```", text, re.M | re.S)[0])
    others = [
        name for name, it in compose["services"].items() if "build" in it and "entrypoint" in it
    ]
    assert others
    # The image has a HEALTHCHECK, which asks a server.
    assert [compose["services"][name]["healthcheck"] for name in others] == [
        {"disable": True}
    ] * len(others)
