"""Tests that paths, types, make targets and links in documents exist."""

from __future__ import annotations

import re

import pytest

CHECKED = ("docs/architecture.md", "docs/life-of-a-request.md")
PATH = re.compile(r"[\w.-]+(?:/[\w.{},*-]+)+/?|[\w-]+\.(?:rs|py|toml|md|lock)")


def words(text: str) -> set[str]:
    """Return what stands in single backticks, outside of blocks."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


@pytest.mark.parametrize("name", CHECKED)
def test_every_path_that_a_document_names_exists(root, tracked, name):
    paths = {str(path) for path in tracked}
    folders = {str(parent) for path in tracked for parent in path.parents}
    missing = []
    for word in words((root / name).read_text()):
        if not PATH.fullmatch(word) or word.startswith(("wsgi.", "maitred.", "HTTP/")):
            continue
        wanted = word.rstrip("/")
        if wanted in paths | folders:
            continue
        if not any(path.endswith(f"/{wanted}") for path in paths | folders):
            missing.append(word)
    assert missing == []


@pytest.mark.parametrize("name", CHECKED)
def test_every_type_that_a_document_names_exists(root, tracked, name):
    code = "\n".join((root / path).read_text() for path in tracked if path.suffix == ".rs")
    missing = []
    for word in words((root / name).read_text()):
        if re.fullmatch(r"[A-Z][a-z]\w+(::\w+)?", word):
            for part in word.split("::"):
                if not re.search(rf"\b{part}\b", code):
                    missing.append(word)
    assert missing == []


def test_every_link_between_documents_leads_somewhere(root, tracked):
    broken = []
    for path in tracked:
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (root / path).read_text()):
            if "://" in target or target.startswith("mailto:"):
                continue
            if not (root / path.parent / target).exists():
                broken.append(f"{path}: {target}")
    assert broken == []


def test_every_target_of_the_makefile_is_phony_and_described(root):
    makefile = (root / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    described = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert set(phony.split()) == targets
    assert targets - described <= {"test-rust", "test-python"}  # the parts of `test`


def test_every_target_that_a_document_names_is_in_the_makefile(root, tracked):
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    unknown = []
    for path in tracked:
        if path.suffix == ".md":
            for target in re.findall(r"`make ([a-z-]+)", (root / path).read_text()):
                if target not in targets:
                    unknown.append(f"{path}: make {target}")
    assert unknown == []
