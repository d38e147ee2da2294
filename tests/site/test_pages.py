"""Tests that pages about what the server tells are complete, and that every page is in the site."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import requests
from blocks import ROOT
from server import Server

DOCS = ROOT / "docs"

TELLS = """
import json

def app(environ, start_response):
    if environ["PATH_INFO"] == "/raises":
        raise ValueError("on purpose")
    print("a line", file=environ["wsgi.errors"])
    body = json.dumps(sorted(environ)).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def listed(page: str, heading: str = "") -> set[str]:
    """Return the names in the first column of the tables of a page, or below one heading."""
    text = (DOCS / page).read_text(encoding="utf-8")
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        assert text, f"{page} has no {heading}"
    cells = re.findall(r"^\| (`[^|]+) \|", text, re.M)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def serving(maitred: Callable[..., Server], folder: Path, *arguments: str) -> Server:
    """Serve an application that tells what it was given."""
    (folder / "tells.py").write_text(TELLS, encoding="utf-8")
    return maitred("--request-id=generate", *arguments, "tells:app", cwd=folder)


def test_every_key_of_the_environ_is_documented_and_every_documented_key_is_there(
    maitred: Callable[..., Server], tmp_path: Path
) -> None:
    server = serving(maitred, tmp_path)
    told = set(requests.post(f"{server.url}/?a=b", json={}, timeout=60).json())
    given = {key for key in told if not key.startswith("HTTP_")}
    assert listed("environ.md") - {"HTTP_…"} == given


def test_every_field_of_the_access_log_is_documented(
    maitred: Callable[..., Server], tmp_path: Path
) -> None:
    server = serving(maitred, tmp_path, "--access-log=-", "--access-log-format=json")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"Referer": "http://a.example/", "traceparent": trace}
    assert requests.get(server.url, headers=headers, timeout=60).status_code == 200
    assert server.stop() == 0
    (line,) = server.output.splitlines()
    assert listed("log-fields.md", "The access log as JSON") == set(json.loads(line))


def test_every_field_of_a_pattern_is_documented(program: Callable[..., Server]) -> None:
    server = program("--access-log=-", "--access-log-format=%(nothing)s", "maitred.demo:app")
    assert server.wait() == 2
    fields = re.search(r"the fields are ([^:]+?), and request fields", server.log)
    assert fields, server.log
    documented = listed("log-fields.md", "The access log as a pattern") - {
        "{name}i",
        "{name}o",
        "{name}e",
    }
    assert documented == set(re.split(r",\s+", fields[1]))


def test_every_field_of_a_record_that_a_request_causes_is_documented(
    maitred: Callable[..., Server], tmp_path: Path
) -> None:
    server = serving(maitred, tmp_path, "--log-format=json", "--log-level=debug")
    assert requests.get(server.url, timeout=60).status_code == 200
    assert requests.get(f"{server.url}/raises", timeout=60).status_code == 500
    assert requests.get(server.url, headers={"Host": "a b"}, timeout=60).status_code == 400
    assert server.stop() == 0
    records = [json.loads(line) for line in server.log.splitlines()]
    fields = {field for record in records for field in record}
    assert fields - listed("log-fields.md", "The server's log as JSON") == set()
    assert {"traceback", "status", "reason"} <= fields


def test_every_field_of_a_record_in_the_source_is_documented() -> None:
    macro = re.compile(r'tracing::(?:error|warn|info|debug)!\(\s*(?:target: "[^"]*",)?([^"]*?)"')
    field = re.compile(r"(?:^|,)\s*[?%]?(\w+)(?=\s*(?:=[^=]|,|$))")
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "crates").glob("*/src/**/*.rs")]
    # Tests of the log itself are below this line of a file.
    told = [text.partition("#[cfg(test)]")[0] for text in texts]
    arguments = [found for text in told for found in macro.findall(text)]
    fields = {name for text in arguments for name in field.findall(text)} - {"target"}
    assert {"request_id", "left_out", "stack"} <= fields
    assert fields - listed("log-fields.md", "The server's log as JSON") == set()


def test_every_page_is_in_a_table_of_contents() -> None:
    index = (DOCS / "site/index.md").read_text(encoding="utf-8")
    entries = {
        line
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```$", index, re.M | re.S)
        for line in tree.splitlines()
        if line and not line.startswith(":")
    }
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    own = {"changelog", "contributing", "security", "guides/helm-values", "decisions/index"}
    elsewhere = {page for page in pages if page.startswith(("site/", "decisions/"))}
    assert pages - elsewhere == entries - own - {"decisions/0*"}
