"""Tests of the helper that starts servers: it must not hide an unexpected end."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from server import Server

SAYS = "import sys, signal, time; print('maitred 1 serving on unix:/s, http://127.0.0.1:80 with 4 "
SAYS += "threads', file=sys.stderr, flush=True)\n"
WAITS = "signal.sigwait({signal.SIGTERM})\n"
BLOCKS = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run a program that pretends to be a server."""
    started = Server([sys.executable, "-c", request.param])
    yield started
    started.close()


@pytest.mark.parametrize("server", ["import signal\n" + BLOCKS + SAYS + WAITS], indirect=True)
def test_a_server_that_ends_when_asked_ends_well(server):
    assert server.urls == ["unix:/s", "http://127.0.0.1:80"]
    assert server.address == ("127.0.0.1", 80)
    server.leave()
    assert server.process.returncode == 0


@pytest.mark.parametrize("server", [SAYS + "signal.pause()"], indirect=True)
def test_a_server_that_a_signal_kills_does_not_end_well(server):
    server.wait_for("serving on ")
    with pytest.raises(AssertionError, match="status -15"):
        server.leave()


@pytest.mark.parametrize("server", ["raise SystemExit('no such application')"], indirect=True)
def test_the_log_of_a_server_that_never_serves_is_in_the_error(server):
    with pytest.raises(AssertionError, match="no such application"):
        server.wait_for("serving on ")


@pytest.mark.parametrize(
    "server",
    [
        "import signal\n" + BLOCKS + SAYS + WAITS * 3,
    ],
    indirect=True,
)
def test_a_server_that_ends_when_asked_often_enough_is_asked_often_enough(server):
    server.wait_for("serving on ")
    assert server.insist() == 0
