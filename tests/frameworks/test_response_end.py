"""The responses of frameworks end with their last byte, and not with the next request.

Flask and Werkzeug wrap each page in an iterator that is closed, Django's pages and Pyramid's are
iterables of their own: none of them is the list that a small example returns.
"""

from __future__ import annotations

import json
import re
import time

import pytest
from admin import Admin
from applications import APPLICATIONS, HERE
from client import PATIENCE_SECONDS, request

SAME = [("If-None-Match", '"one"')]
ASKED = [
    ("GET", "/page", [], 200),
    ("HEAD", "/page", [], 200),
    ("GET", "/numbers", [], 200),
    ("HEAD", "/numbers", [], 200),
    ("GET", "/nothing", [], 204),
    ("GET", "/conditional", [], 200),
    ("GET", "/conditional", SAME, 304),
    ("GET", "/file/large.bin", [], 200),
    ("HEAD", "/file/large.bin", [], 200),
    ("GET", "/file/empty.bin", [], 200),
    ("GET", "/echo/x", [], 200),
    ("GET", "/nowhere", [], 404),
    ("GET", "/page", [], 200),
]


@pytest.mark.parametrize("framework", APPLICATIONS)
def test_a_framework_s_response_is_over_before_anything_else_happens(
    maitred, environment, tmp_path, framework
):
    log = tmp_path / "access.log"
    server = maitred(
        "--connection-limit=1",
        "--graceful-timeout=1h",
        "--keep-alive-timeout=1h",
        "--admin-listen=127.0.0.1:0",
        f"--access-log={log}",
        "--access-log-format=json",
        APPLICATIONS[framework],
        cwd=HERE,
        env=environment,
    )
    admin = Admin(server)
    with server.connect() as kept:
        for count, (method, path, fields, status) in enumerate(ASKED, 1):
            answer = kept.ask(request(path, method, fields), method)
            assert (answer.status, answer.keeps_alive) == (status, True), path
            assert "Content-Length" not in answer or status not in (204, 304), path
            admin.until("maitred_requests_in_progress", 0)
            admin.until('maitred_connections{state="idle"}', 1)
            line = json.loads(line_number(log, count))
            assert (line["method"], line["target"], line["status"]) == (method, path, status)
            assert line["bytes"] == len(answer.body)
            assert counted(admin) == count
        # There is room for one only: the connection that is idle makes way.
        with server.connect() as newcomer:
            assert newcomer.ask(request("/page")).status == 200
            kept.read_end()
            # And the newcomer's, which is idle now, holds up no end.
            server.signal()
            newcomer.read_end()
            assert server.wait() == 0


def line_number(log, count: int) -> str:
    """Wait until a file has so many lines, and no more, and return the last one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not log.exists() or log.read_text().count("\n") < count:
        assert time.monotonic() < deadline, f"never {count} lines in {log}"
        time.sleep(0.001)
    *before, last = log.read_text().splitlines()
    assert len(before) == count - 1
    return last


def counted(admin: Admin) -> float:
    """Return the requests that have been counted."""
    text = admin.ask("/metrics").body.decode()
    return sum(map(float, re.findall(r"^maitred_requests_total\{.*?\} (\S+)$", text, re.MULTILINE)))
