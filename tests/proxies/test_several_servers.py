"""Tests of several servers on one machine, as the guide to reverse proxies sets them up."""

from __future__ import annotations

import http.client
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import samples
from manifests import ROOT
from server import Server

pytestmark = pytest.mark.system

APP = """\
import os

def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "1")])
    return [os.environ["NUMBER"].encode()]
"""


def recommended(folder: Path) -> str:
    """Return the servers of one application in the guide, with their sockets in the folder."""
    guide = (ROOT / "docs/guides/reverse-proxies.md").read_text(encoding="utf-8")
    (servers,) = re.findall(r"upstream shop \{\n(    least_conn;\n(?: +server .*\n)+)", guide)
    return servers.replace("/run/maitred", str(folder)).replace("{", "{{").replace("}", "}}")


def answers(front: int, count: int) -> Counter[bytes]:
    """Ask so many times, each on a connection of its own; return who answered how often."""
    told: Counter[bytes] = Counter()
    for _ in range(count):
        connection = http.client.HTTPConnection("127.0.0.1", front, timeout=60)
        connection.request("GET", "/")
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        told[body] += 1
        connection.close()
    return told


def test_requests_are_shared_and_go_to_the_other_server_when_one_is_stopped(
    maitred: Callable[..., Server], tmp_path: Path
) -> None:
    (tmp_path / "numbered.py").write_text(APP, encoding="utf-8")
    servers = [
        maitred(
            f"--unix-socket={tmp_path}/shop-{number}.sock",
            "numbered:app",
            cwd=tmp_path,
            env={"NUMBER": str(number)},
        )
        for number in (1, 2)
    ]
    moves = [(old, new) for old, new in samples.NGINX.moves if old != f"unix:{samples.SOCKET}"]
    nginx = replace(
        samples.NGINX,
        moves=(
            (f"        server unix:{samples.SOCKET};\n", recommended(tmp_path)),
            *moves,
        ),
    )
    with samples.running(nginx, str(tmp_path / "unused.sock"), tmp_path) as front:
        assert answers(front, 20).keys() == {b"1", b"2"}
        assert servers[0].stop() == 0
        assert answers(front, 20) == {b"2": 20}
