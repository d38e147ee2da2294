"""Tests of `--log-format=json`: every record is one JSON object on one line."""

from __future__ import annotations

import json

import requests
from client import Connection, request
from server import Server

FAILS = """
def app(environ, start_response):
    print("a line\\tof its own", file=environ["wsgi.errors"])
    raise RuntimeError("two\\nlines")
"""


def test_every_line_is_an_object_with_time_level_logger_and_message(maitred, tmp_path):
    (tmp_path / "fails.py").write_text(FAILS)
    server = maitred("--log-format=json", "fails:app", cwd=tmp_path)
    assert requests.get(f"{server.url}/x", timeout=60).status_code == 500
    assert server.stop() == 0
    records = [json.loads(line) for line in server.log.splitlines()]
    for record in records:
        assert {"time", "level", "logger", "message", "thread"} <= set(record)
    first = records[0]
    assert (first["level"], first["logger"]) == ("info", "maitred")
    assert "serving on http://127.0.0.1:" in first["message"]
    assert first["thread"] == "MainThread"
    assert records[-1]["message"] == "stopped"
    said = next(record for record in records if record["logger"] == "maitred.errors")
    assert said["message"] == "a line\tof its own"
    raised = next(record for record in records if "traceback" in record)
    assert raised["level"] == "error"
    assert raised["exception"] == "RuntimeError"
    assert raised["path"] == "/x"
    assert raised["traceback"].endswith("RuntimeError: two\nlines\n")


def test_the_level_decides_what_is_said(program, tmp_path):
    (tmp_path / "fails.py").write_text(FAILS)
    path = f"{tmp_path}/s"
    server = program("--log-level=error", f"--listen=unix:{path}", "fails:app", cwd=tmp_path)
    with connected(path, server) as connection:
        assert connection.ask(request("/x")).status == 500
    assert server.stop() == 0
    assert "ERROR" in server.log
    assert "INFO" not in server.log


def connected(path: str, server: Server) -> Connection:
    """Connect as soon as somebody listens."""
    while True:
        try:
            return Connection(path)
        except (FileNotFoundError, ConnectionRefusedError):
            assert server.process.poll() is None, server.log
