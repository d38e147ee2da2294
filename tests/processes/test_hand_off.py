"""Tests of connections that move between worker processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading

import pytest
from client import Connection, request
from observing import stop, until
from unmovable import keep_busy, unmovable

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="connections are handed over on Linux only"
)


#: Without a GIL, another thread of a worker answers while one computes, or holds it in C.
WITH_GIL = {"PYTHON_GIL": "1"}


@pytest.fixture
def serving(workers):
    """Start a server with worker processes whose application can be kept busy."""

    def start(*arguments: str):
        server = workers(*arguments, app="hand_off_app:app", env=WITH_GIL)
        server.until_ready(int(arguments[0].removeprefix("--workers=")))
        return server

    return start


def pid_that_answers(connection: Connection) -> int:
    """Ask, and return who has answered."""
    return json.loads(connection.ask(request("/")).body)["pid"]


def connections_to(server, pid: int, count: int) -> list[Connection]:
    """Open keep-alive connections that the worker of this pid has."""
    return [server.connect_to(pid) for _ in range(count)]


@pytest.mark.parametrize("streams", [False, True], ids=["no-stream", "a-stream-in-each"])
@pytest.mark.parametrize(
    ("path", "threads"),
    [("/wait", 1), ("/compute", 1), ("/compute", 4), ("/hold", 1), ("/hold", 4)],
)
def test_requests_do_not_wait_for_a_busy_worker(serving, gate, path, threads, streams):
    server = serving("--workers=2", f"--threads={threads + streams}")
    busy, free = server.ready().values()
    clients = connections_to(server, busy, 20)
    with contextlib.ExitStack() as stack:
        if streams:
            for pid in (busy, free):
                stack.enter_context(keep_busy(server, gate, pid, "/stream"))
        first = stack.enter_context(keep_busy(server, gate, busy, path))
        for client in clients:
            client.send(request("/"))
        answered = [json.loads(client.read().body)["pid"] for client in clients]
        gate.open()
        assert json.loads(first.read().body)["pid"] == busy
    for client in clients:
        client.close()

    def moved() -> float:
        return server.sum("maitred_handoffs_total")

    until(lambda: server.sum("maitred_handoffs_adopted_total") == moved(), "all have arrived")
    # Other threads of a worker that computes have their turns, too.
    if (path, threads) != ("/compute", 4):
        assert answered == [free] * 20
        assert moved() >= 20


def test_requests_on_connections_of_their_own_do_not_wait_for_a_busy_worker(serving, gate):
    server = serving("--workers=2", "--threads=1")
    busy, free = server.ready().values()
    with keep_busy(server, gate, busy, "/wait"):
        for _ in range(20):
            with server.server.connect() as client:
                assert pid_that_answers(client) == free
        gate.open()


def test_a_worker_that_has_finished_takes_what_waits_at_another(serving, gate):
    server = serving("--workers=2", "--threads=1")
    first, second = server.ready().values()
    clients = connections_to(server, first, 10)
    held = {pid: server.connect_to(pid) for pid in (first, second)}
    waiting = {}
    for pid, connection in held.items():
        connection.send(unmovable("/wait"))
        waiting[pid] = gate.await_one()
        assert int(waiting[pid].recv(16)) == pid
    for client in clients:
        client.send(request("/"))
    until(lambda: sum(it["queue"] for it in server.all()) == 10, "all wait")
    waiting[second].close()
    answered = [json.loads(client.read().body)["pid"] for client in clients]
    assert answered == [second] * 10
    gate.open()
    for connection in (*clients, *held.values()):
        connection.close()


def test_requests_move_with_their_bodies_and_what_follows_them(serving, gate):
    server = serving("--workers=2", "--threads=1")
    busy, free = server.ready().values()
    client = server.connect_to(busy)
    with client, keep_busy(server, gate, busy, "/wait"):
        client.send(
            request("/1", method="POST", body=b"x" * 30_000)
            + b"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
            + request("/3")
        )
        answers = [json.loads(client.read().body) for _ in range(3)]
        assert answers == [{"pid": free, "length": length} for length in (30_000, 3, 0)]
        gate.open()


def test_a_worker_that_ends_hands_its_connections_to_the_others(serving):
    server = serving("--workers=2")
    clients = [server.server.connect() for _ in range(64)]
    stop = threading.Event()
    failed: list[BaseException] = []

    def ask(connection: Connection) -> None:
        try:
            while not stop.is_set():
                pid_that_answers(connection)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it
            failed.append(error)

    # Half of them ask all the time, the others only now and then.
    asking = [threading.Thread(target=ask, args=(client,)) for client in clients[:8]]
    for thread in asking:
        thread.start()
    try:
        for _ in range(3):
            for number in (0, 1):
                pid = server.ready()[number]
                os.kill(pid, signal.SIGTERM)
                server.until_ready(2, without=pid)
                assert {pid_that_answers(client) for client in clients[8:]} <= set(
                    server.ready().values()
                )
    finally:
        stop.set()
        for thread in asking:
            thread.join()
    assert failed == []
    for client in clients:
        client.close()
    accepted = server.sum("maitred_connections_accepted_total")
    assert accepted == 64
    closed = "maitred_connections_closed_total"
    until(lambda: server.sum(closed) == accepted, "every connection has ended once")


def test_a_request_in_the_inbox_of_a_worker_that_is_killed_is_answered_by_another(serving, gate):
    server = serving("--workers=2", "--threads=1")
    busy, stopped = server.ready().values()
    client = server.connect_to(busy)
    with client, keep_busy(server, gate, busy, "/wait"):
        stop(stopped)
        client.send(request("/"))
        until(lambda: server.sum("maitred_handoffs_total") > 0, "the request has moved")
        os.kill(stopped, signal.SIGKILL)
        successor = server.until_ready(2, without=stopped)
        answered = json.loads(client.read().body)["pid"]
        assert answered in successor.values()
        assert answered != busy
        gate.open()


def test_a_request_that_was_sent_to_a_worker_that_is_stopped_is_answered_by_another(serving, gate):
    server = serving("--workers=2", "--threads=1")
    busy, stopped = server.ready().values()
    client = server.connect_to(busy)
    with client, keep_busy(server, gate, busy, "/wait"):
        stop(stopped)
        try:
            client.send(request("/"))
            until(lambda: server.sum("maitred_handoffs_total") > 0, "the request has moved")
            # It comes back, because nobody reads it there.
            adopted = 'maitred_handoffs_adopted_total{worker="0"}'
            until(lambda: server.metrics()[adopted] == 1, "it has come back")
            gate.open()
            assert json.loads(client.read().body)["pid"] == busy
        finally:
            os.kill(stopped, signal.SIGCONT)
