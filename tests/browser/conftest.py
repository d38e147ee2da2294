"""A browser, and a server with a request that waits, to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chromium import Chromium
from client import Connection, request
from gate import WAITS, Gate

APPLICATION = (
    WAITS
    + """

def app(environ, start_response):
    if environ["PATH_INFO"].startswith("/wait"):
        wait_at_the_gate()
    if environ["PATH_INFO"] == "/fail":
        raise RuntimeError("as it was asked to")
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Return a browser."""
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Return the gate at which requests wait."""
    gate = Gate()
    yield gate
    gate.close()


class Watched:
    """A server, and where its live page is."""

    def __init__(self, server, gate: Gate) -> None:
        self.server = server
        self.url = server.wait_for(r"probes, metrics and status on (http://\S+)")[1]
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        self.admin = (host, int(port))
        self._gate = gate
        self._waiting: list[Connection] = []

    def wait_in(self, target: str) -> None:
        """Have a request run until the gate opens."""
        connection = self.server.connect()
        self._waiting.append(connection)
        connection.send(request(target))
        self._gate.await_one()

    def close(self) -> None:
        """Let everything run to its end."""
        self._gate.open()
        for connection in self._waiting:
            assert connection.read().status == 200
            connection.close()


@pytest.fixture
def watched(maitred: Callable, gate: Gate, tmp_path: Path) -> Iterator[Watched]:
    """Start a server with an admin listener."""
    (tmp_path / "waiting.py").write_text(APPLICATION)
    server = maitred("--admin-listen=127.0.0.1:0", "waiting:app", cwd=tmp_path, env=gate.environ)
    watched = Watched(server, gate)
    yield watched
    watched.close()
