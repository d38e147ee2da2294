"""Tests of the connections that HAProxy keeps to the server, and of requests that wait for one."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import samples
from admin import Admin
from gate import WAITS, Gate
from ports import free_port
from server import Server

pytestmark = pytest.mark.system

APP = f"""{WAITS}

def app(environ, start_response):
    wait_at_the_gate()
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""

#: As long as the server keeps an idle connection, from which HAProxy has to be well away.
KEEP_ALIVE_SECONDS = 120

IDLE = 8

#: A backend beside those of the sample, without its `timeout queue`.
IMPATIENT = """
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 120s

listen impatient
    bind 127.0.0.1:IMPATIENT
    server maitred 127.0.0.1:{port} maxconn 1
"""


def asked(front: int) -> http.client.HTTPConnection:
    """Send a request on a connection of its own; its response is not waited for."""
    connection = http.client.HTTPConnection("127.0.0.1", front, timeout=60)
    connection.request("GET", "/")
    return connection


def status(connection: http.client.HTTPConnection) -> int:
    """Wait for the response."""
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def test_an_excess_request_waits_for_a_connection_and_not_only_as_long_as_to_open_one(
    maitred: Callable[..., Server], tmp_path: Path
) -> None:
    (tmp_path / "gated.py").write_text(APP, encoding="utf-8")
    gate, impatient = Gate(), free_port()
    server = maitred(*samples.HAPROXY.flags(None), "gated:app", cwd=tmp_path, env=gate.environ)
    line = f"server maitred 127.0.0.1:{samples.PORT} maxconn 90 pool-purge-delay 5s\n"
    only_one = "server maitred 127.0.0.1:{port} maxconn 1 pool-purge-delay 5s\n"
    others = [(old, new) for old, new in samples.HAPROXY.moves if str(samples.PORT) not in old]
    proxy = replace(
        samples.HAPROXY,
        moves=(
            (line, only_one + IMPATIENT.replace("IMPATIENT", str(impatient))),
            ("timeout connect 5s", "timeout connect 1s"),
            *others,
        ),
    )
    with samples.running(proxy, server.address, tmp_path) as front:
        served = asked(front)
        gate.await_one()
        waiting = asked(front)
        occupying = asked(impatient)
        gate.await_one()
        # The second of them begins to wait when the request above has waited for a second.
        assert [status(asked(impatient)) for _ in range(2)] == [503, 503]
        gate.open()
        assert (status(served), status(occupying)) == (200, 200)
        gate.await_one()
        gate.close()
        assert status(waiting) == 200


def test_no_idle_connection_outlives_the_servers_patience(
    maitred: Callable[..., Server], tmp_path: Path
) -> None:
    (tmp_path / "gated.py").write_text(APP, encoding="utf-8")
    gate = Gate()
    flags = [*samples.HAPROXY.flags(None), "--admin-listen=127.0.0.1:0", f"--threads={IDLE}"]
    server = maitred(*flags, "gated:app", cwd=tmp_path, env=gate.environ)
    admin = Admin(server)
    with samples.running(samples.HAPROXY, server.address, tmp_path) as front, ExitStack() as ends:
        ends.callback(gate.close)
        clients = [asked(front) for _ in range(IDLE)]
        for _ in clients:
            gate.await_one()
        gate.open()
        assert [status(client) for client in clients] == [200] * IDLE
        deadline = time.monotonic() + 2 * KEEP_ALIVE_SECONDS
        closed = 'maitred_connections_closed_total{reason="%s"}'
        while admin.metric(closed % "client") < IDLE:
            # Each of them would be a request that is sent on a connection which is being closed.
            assert admin.metric(closed % "keep_alive_timeout") == 0
            assert time.monotonic() < deadline
            time.sleep(0.1)
