"""Tests of several servers on one machine, as the guide to reverse proxies sets them up."""

from __future__ import annotations

import http.client
import os
import re
import threading
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


#: An application whose import fails when it has got a byte from a pipe.
FAILS = """\
import os, sys

print("importing", file=sys.stderr)
os.read(os.open(os.environ["GATE"], os.O_RDONLY), 1)
raise RuntimeError("the import fails")
"""


def with_servers(proxy: samples.Proxy, servers: str) -> samples.Proxy:
    """Return the proxy with these servers in the place of the one behind the socket."""
    line = {
        "nginx": f"        server unix:{samples.SOCKET};\n",
        "haproxy": f"    server maitred unix@{samples.SOCKET} maxconn 90 pool-purge-delay 5s\n",
    }[proxy.name]
    others = [(old, new) for old, new in proxy.moves if samples.SOCKET not in old]
    return replace(proxy, moves=((line, servers), *others))


def two_servers(proxy: samples.Proxy, folder: Path) -> str:
    """Return two servers of one application, as the sample of the proxy has them."""
    if proxy is samples.NGINX:
        return recommended(folder)
    line = "    server shop-{0} unix@{1}/shop-{0}.sock maxconn 90 pool-purge-delay 5s\n"
    return "".join(line.format(number, folder) for number in (1, 2))


class Posting(threading.Thread):
    """A client that posts one request after the other until it is stopped."""

    def __init__(self, front: int) -> None:
        super().__init__(daemon=True)
        self.front = front
        self.statuses: list[int] = []
        self.is_over = False
        self._changed = threading.Condition()

    def run(self) -> None:
        while not self.is_over:
            connection = http.client.HTTPConnection("127.0.0.1", self.front, timeout=60)
            connection.request("POST", "/", b"an order")
            status = connection.getresponse().status
            connection.close()
            with self._changed:
                self.statuses.append(status)
                self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        """Wait until it has got so many more answers."""
        with self._changed:
            wanted = len(self.statuses) + count
            assert self._changed.wait_for(lambda: len(self.statuses) >= wanted, 60)

    def stop(self) -> list[int]:
        """Return the statuses of all answers."""
        self.is_over = True
        self.join(60)
        assert not self.is_alive()
        return self.statuses


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("proxy", [samples.NGINX, samples.HAPROXY], ids=lambda proxy: proxy.name)
def test_a_server_whose_import_fails_and_is_started_again_costs_no_request(
    maitred: Callable[..., Server],
    program: Callable[..., Server],
    tmp_path: Path,
    proxy: samples.Proxy,
    workers: int,
) -> None:
    (tmp_path / "numbered.py").write_text(APP, encoding="utf-8")
    (tmp_path / "fails.py").write_text(FAILS, encoding="utf-8")
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    maitred(
        f"--unix-socket={tmp_path}/shop-1.sock", "numbered:app", cwd=tmp_path, env={"NUMBER": "1"}
    )
    behind = with_servers(proxy, two_servers(proxy, tmp_path))
    with samples.running(behind, str(tmp_path / "unused.sock"), tmp_path) as front:
        posting = Posting(front)
        posting.start()
        for _ in range(3):
            failing = program(
                f"--unix-socket={tmp_path}/shop-2.sock",
                f"--workers={workers}",
                "fails:app",
                cwd=tmp_path,
                env={"GATE": str(gate)},
            )
            failing.wait_for("importing")
            posting.wait_for(10)
            pipe = os.open(gate, os.O_RDWR)
            os.write(pipe, b"x" * 16)  # more than there are processes
            assert failing.wait() == 1
            os.close(pipe)
            posting.wait_for(2)
        assert set(posting.stop()) == {200}


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
    nginx = with_servers(samples.NGINX, recommended(tmp_path))
    with samples.running(nginx, str(tmp_path / "unused.sock"), tmp_path) as front:
        assert answers(front, 20).keys() == {b"1", b"2"}
        assert servers[0].stop() == 0
        assert answers(front, 20) == {b"2": 20}
