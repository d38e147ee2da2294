"""Tests that docs/conformance.md names existing files and tests, and all vectors."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

PAGE = "docs/conformance.md"
SOURCES = "crates/http-parser/src"


def rows(root):
    """Return the cells of every row of every table, without the rows of headings."""
    for line in (root / PAGE).read_text().splitlines():
        if line.startswith("| ") and not line.startswith(("| clause |", "| rule |")):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def vectors(root):
    return {
        match
        for file in (root / "tests/vectors").glob("*.txt")
        for match in re.findall(r"^case (\S+)$", file.read_text(), re.MULTILINE)
    }


def functions(root, tracked):
    """Return the name of every test function, Rust and Python."""
    found = set()
    for path in tracked:
        if path.suffix == ".rs":
            found |= set(re.findall(r"^\s*(?:async )?fn (\w+)\(", (root / path).read_text(), re.M))
        elif path.suffix == ".py" and path.parts[0] == "tests":
            found |= set(re.findall(r"^\s*def (test_\w+)\(", (root / path).read_text(), re.M))
    return found


def test_every_test_that_is_named_exists(root, tracked):
    known = functions(root, tracked) | vectors(root)
    for row in rows(root):
        assert names(row[-1]), f"no test for {row[:-1]}"
        for name in names(row[-1]):
            assert any(fnmatchcase(one, name) for one in known), f"{name} does not exist"


def test_every_file_that_is_named_exists(root):
    for row in rows(root):
        (where,) = names(row[-2])
        assert (root / SOURCES / where).is_file(), where


def test_every_kind_of_vector_belongs_to_a_rule(root):
    named = [name for row in rows(root) for name in names(row[-1])]
    kinds = {vector.split("-")[0] for vector in vectors(root)}
    assert {
        kind for kind in kinds if not any(name.startswith(f"{kind}-") for name in named)
    } == set()
