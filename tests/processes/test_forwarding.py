"""Tests of connections that were sent to a worker process which does not read them.

The supervisor gives them to others (test_hand_off.py). These are about what keeps it from that.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from client import PATIENCE_SECONDS, request
from observing import stop, until
from unmovable import keep_busy, unmovable

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="connections are handed over on Linux only"
)


@contextmanager
def without_descriptors(pid: int) -> Iterator[None]:
    """Let a process open no more files meanwhile."""
    open_now = {int(it.name) for it in Path(f"/proc/{pid}/fd").iterdir()}
    free = min(set(range(len(open_now) + 1)) - open_now)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_no_connection_is_lost_while_the_supervisor_can_open_no_files(workers, gate):
    server = workers("--workers=2", "--threads=1", app="hand_off_app:app", env={"PYTHON_GIL": "1"})
    server.until_ready(2)
    busy, stopped = server.ready().values()
    client = server.connect_to(busy)
    with client, keep_busy(server, gate, busy, "/wait"):
        stop(stopped)
        try:
            with without_descriptors(server.server.process.pid):
                client.send(request("/"))
                server.server.wait_for("wait: the supervisor has no file descriptors left")
            adopted = 'maitred_handoffs_adopted_total{worker="0"}'
            until(lambda: server.metrics()[adopted] == 1, "it has come back")
            gate.open()
            assert json.loads(client.read().body)["pid"] == busy
        finally:
            os.kill(stopped, signal.SIGCONT)
    closed = "maitred_connections_closed_total"
    accepted = server.sum("maitred_connections_accepted_total")
    until(lambda: server.sum(closed) == accepted, "every connection has ended once")
    assert server.sum(closed, 'reason="error"') == 0
    assert server.server.log.count("no file descriptors left") == 1


SPOILER = """
import os
import socket

def spoil():
    sent = 0
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        try:
            end = socket.socket(fileno=os.dup(descriptor))
        except OSError:
            continue
        with end:
            if end.type != socket.SOCK_SEQPACKET:
                continue
            with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as gate:
                socket.send_fds(end, [b"no message"], [gate.fileno()])
            sent += 1
    return sent

def app(environ, start_response):
    spoiled = spoil() if environ["PATH_INFO"] == "/spoil" else 0
    body = f'{{"pid": {os.getpid()}, "spoiled": {spoiled}}}'.encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def test_connections_that_nobody_can_read_are_closed_and_counted(workers, gate, tmp_path):
    (tmp_path / "spoiler.py").write_text(SPOILER)
    server = workers("--workers=2", app="spoiler:app")
    server.until_ready(2)
    spoiler, stopped = server.ready().values()
    with server.connect_to(spoiler) as client:
        stop(stopped)
        client.send(unmovable("/spoil"))
        sent = json.loads(client.read().body)["spoiled"]
    os.kill(stopped, signal.SIGKILL)
    open_ends = [gate.await_one() for _ in range(sent)]
    # One is closed by the worker that reads it, and one by the supervisor. Nobody reads what it has
    # sent from a reading end.
    for _ in range(2):
        ended = select.select(open_ends, [], [], PATIENCE_SECONDS)[0]
        assert ended and ended[0].recv(1) == b""
        open_ends.remove(ended[0])
    server.until_ready(2, without=stopped)
    name = "maitred_connections_closed_total"

    def counted() -> list[float]:
        metrics = server.metrics()
        return [metrics[f'{name}{{worker="{number}",reason="error"}}'] for number in (0, 1)]

    until(lambda: counted() == [1, 1], "each has counted one")
    lost = "connections on their way to a worker process are lost, and closed"
    server.server.wait_for(f"{lost} worker=1 connections=1 requests=0")
    server.server.wait_for("a message between worker processes has too few bytes")
