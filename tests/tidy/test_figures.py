"""Tests that the figures which stand in several places are the same ones."""

from __future__ import annotations

import pathlib
import re


def table_behind(text: str, first_cell: str) -> list[list[str]]:
    """The cells of the table whose heading begins with this cell."""
    lines = text[text.index(f"| {first_cell} |") :].splitlines()
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return [rows[0], *rows[2:]]


def figures(root: pathlib.Path) -> list[list[str]]:
    return table_behind((root / "README.md").read_text(), "scenario | Maitred, µs")


def table_of_speeds(text: str) -> list[list[str]]:
    return table_behind(text[text.index("multiples of one process") :], "scenario | two workers")


def test_the_table_of_the_readme_is_that_of_the_page_on_performance(root: pathlib.Path) -> None:
    page = (root / "docs/performance.md").read_text()
    assert table_behind(page, "scenario | Maitred, µs") == figures(root)


def test_what_the_readme_says_of_others_is_in_its_table(root: pathlib.Path) -> None:
    heading, *rows = figures(root)
    ratios = {row[0]: dict(zip(heading, row, strict=True)) for row in rows}
    hello = next(row for name, row in ratios.items() if name.startswith("hello"))
    flask = next(row for name, row in ratios.items() if name.startswith("Flask"))
    shown = [
        row[server].removesuffix(" ×")
        for row in (hello, flask)
        for server in ("Waitress", "gunicorn")
    ]
    text = " ".join((root / "README.md").read_text().split())
    sentence = re.search(r"\*\*Fast\.\*\* (.*?) \(\[all figures\]", text)
    assert sentence is not None
    assert re.findall(r"\d+(?:\.\d+)?", sentence[1]) == shown


def test_the_speed_of_two_workers_is_the_same_on_both_pages(root: pathlib.Path) -> None:
    pages = [(root / name).read_text() for name in ("README.md", "docs/performance.md")]
    of_readme, of_page = ([row[1:] for row in table_of_speeds(page)] for page in pages)
    assert all(row in of_page for row in of_readme)
