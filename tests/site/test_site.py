"""Tests of the built site: every link and anchor leads somewhere, and nothing is from elsewhere."""

from __future__ import annotations

import json
import posixpath
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from blocks import ROOT
from manifests import run, tomllib

pytestmark = pytest.mark.system

SITE = ROOT / "target" / "site"


@pytest.fixture(scope="module")
def site() -> Path:
    """Build it, strictly; return the folder of the latest version."""
    run(sys.executable, ROOT / "docs/site/build.py", seconds_max=300)
    return SITE / "latest"


class Page(HTMLParser):
    """What a page links to, what it loads, and what can be linked to in it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember what an element says."""
        told = {name: value or "" for name, value in attrs}
        if "id" in told:
            self.ids.add(told["id"])
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        if tag == "link" and told.get("rel") not in ("index", "search", "next", "prev"):
            self.loaded.append(told["href"])
        if tag in ("script", "img", "iframe", "source") and "src" in told:
            self.loaded.append(told["src"])


def pages(site: Path) -> dict[str, Page]:
    """Return every page by its path in the site."""
    return {file.relative_to(site).as_posix(): Page(file) for file in site.rglob("*.html")}


def test_every_link_within_the_site_leads_to_a_page_and_its_anchor(site: Path) -> None:
    found = pages(site)
    assert len(found) > 40
    broken = []
    for name, page in found.items():
        for link in page.links:
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(path)))
            target = target if path else name
            if target in found:
                if anchor and unquote(anchor) not in found[target].ids:
                    broken.append(f"{name}: {link}")
            elif not (site / target).exists():
                broken.append(f"{name}: {link}")
    assert broken == []


def test_no_link_shows_that_a_page_was_markdown(site: Path) -> None:
    shown = [
        f"{name}: {link}"
        for name, page in pages(site).items()
        for link in page.links
        if re.search(r"\.md(#|$)", link) and "://" not in link
    ]
    assert shown == []


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for name, page in pages(site).items():
        for address in page.loaded:
            assert not re.match(r"(?:[a-z]+:)?//", address), f"{name} loads {address}"
            file = posixpath.join(posixpath.dirname(name), address.partition("?")[0])
            assert (site / posixpath.normpath(file)).exists(), f"{name} loads {address}"
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", text) == [], sheet.name


def test_what_is_searched_for_is_in_the_index(site: Path) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    for word in ("keep-alive-timeout", "whitenoise", "opentelemetri"):
        assert re.search(word.split("-")[0], index), word
    assert "searchindex.js" in " ".join(Page(site / "search.html").loaded)


def test_every_version_is_a_folder_and_the_page_above_leads_to_the_latest(site: Path) -> None:
    version = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    version = version["workspace"]["package"]["version"]
    text = (SITE / "versions.js").read_text(encoding="utf-8")
    listed = json.loads(text.partition("=")[2].strip().removesuffix(";"))
    assert listed[0] == "latest"
    assert version in listed
    assert all((SITE / name / "index.html").exists() for name in listed)
    assert "latest/index.html" in (SITE / "index.html").read_text(encoding="utf-8")
    assert f"<option>{version}</option>" in (site / "index.html").read_text(encoding="utf-8")


def test_a_link_to_a_page_that_does_not_exist_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text("# A page\n\n[gone](gone.md), [nowhere](#nowhere)\n")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going"]
    command += [f"--conf-dir={ROOT / 'docs/site'}", str(tmp_path), str(tmp_path / "built")]
    with pytest.raises(pytest.fail.Exception) as failed:
        run(*command)
    assert "gone.md" in str(failed.value)
    assert "nowhere" in str(failed.value)


def test_a_block_that_is_a_file_shows_its_name(site: Path) -> None:
    text = (site / "tutorials/django.html").read_text(encoding="utf-8")
    assert "mysite/production.py" in re.findall(r'<span class="caption-text">([^<]+)</span>', text)
