"""Tests of what stands on the page of the package: its long description and its addresses."""

from __future__ import annotations

import importlib.metadata
import re

from blocks import ROOT
from manifests import anchors, tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
URLS = PROJECT["urls"]

#: The target of an inline link, of a definition, and of an attribute of HTML.
TARGETS = (r"\]\(([^)\s]+)\)", r"^\[[^\]]+\]: (\S+)", r"(?:href|src)=\"([^\"]+)\"")

#: Pages of the site that are elsewhere in the repository.
ELSEWHERE = {"changelog": "CHANGELOG", "contributing": "CONTRIBUTING", "security": "SECURITY"}


def targets(text: str) -> list[str]:
    """Return every address that a Markdown text links to."""
    return [target for pattern in TARGETS for target in re.findall(pattern, text, re.M)]


def long_description() -> str:
    """Return the long description of the installed package."""
    metadata = importlib.metadata.metadata("maitred")
    return metadata.get_payload() or metadata["Description"]


def test_the_long_description_has_no_link_that_only_works_in_the_repository() -> None:
    linked = targets(long_description())
    assert linked
    assert [t for t in linked if not re.match(r"https://|#|mailto:", t)] == []


def test_each_reference_in_the_readme_is_defined() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    defined = set(re.findall(r"^\[([^\]]+)\]: ", text, re.M))
    used = set(re.findall(r"\]\[([^\]]+)\]", text))
    used |= set(re.findall(r"(?<![\]\w`])\[([a-z][\w/ -]*)\](?![(\[:])", text))
    assert used - defined == set()
    assert defined - used == set()


def test_each_address_of_the_project_leads_to_a_page_or_a_file_that_exists() -> None:
    missing = []
    for target in targets((ROOT / "README.md").read_text(encoding="utf-8")):
        address, _, anchor = target.partition("#")
        if address.startswith(URLS["Documentation"]):
            name = address.removeprefix(URLS["Documentation"]).removesuffix(".html") or "site/index"
            page = ROOT / (f"{ELSEWHERE[name]}.md" if name in ELSEWHERE else f"docs/{name}.md")
            if not page.exists() or (anchor and anchor not in anchors(page)):
                missing.append(target)
        elif address.startswith(URLS["Source"]):
            if not (ROOT / address.removeprefix(URLS["Source"] + "/")).exists():
                missing.append(target)
        elif address.startswith(URLS["Homepage"]):
            missing.append(target)
    assert missing == []


def test_the_metadata_names_the_addresses_of_the_project() -> None:
    told = importlib.metadata.metadata("maitred").get_all("Project-URL")
    assert sorted(told) == sorted(f"{name}, {address}" for name, address in URLS.items())


def test_every_address_below_the_homepage_is_one_of_these() -> None:
    for name, address in URLS.items():
        assert address.startswith(URLS["Homepage"]), name
    assert URLS["Changelog"].startswith(URLS["Documentation"])
