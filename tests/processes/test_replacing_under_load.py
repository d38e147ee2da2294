"""Tests of replacing workers while clients ask all the time: nobody notices.

The long versions run in `make soak`.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from client import Connection, request
from observing import until

CLIENTS = 64


@contextmanager
def asking(connections: list[Connection], pause: float) -> Iterator[list[BaseException]]:
    """Ask on these connections all the time, each with a pause; give what has failed."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def ask(connection: Connection) -> None:
        try:
            while not stop.wait(pause):
                assert connection.ask(request("/")).status == 200
        except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(it,)) for it in connections]
    for thread in threads:
        thread.start()
    try:
        yield failed
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("reloads", [5, pytest.param(200, marks=pytest.mark.soak)])
def test_clients_keep_their_connections_through_reloads(workers, reloads):
    server = workers("--workers=2")
    server.until_ready(2)
    connections = [server.server.connect() for _ in range(CLIENTS)]
    with asking(connections, pause=0.02) as failed:
        for count in range(1, reloads + 1):
            before = server.until_ready(2)
            server.server.signal(signal.SIGHUP)
            until(
                lambda count=count: server.server.log.count("reload complete: 2 replaced") == count,
                "the reload is complete",
            )
            assert not set(before.values()) & set(server.until_ready(2).values())
            assert failed == []
    assert failed == []
    accepted = server.sum("maitred_connections_accepted_total")
    assert accepted == CLIENTS
    metrics = server.metrics()
    assert metrics['maitred_reloads_total{worker="supervisor",result="complete"}'] == reloads
    assert metrics['maitred_workers_short_seconds_total{worker="supervisor"}'] == 0
    for connection in connections:
        connection.close()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("requests", "recycles"), [(600, 3), pytest.param(10_000, 80, marks=pytest.mark.soak)]
)
def test_clients_keep_their_connections_when_workers_are_recycled(workers, requests, recycles):
    server = workers("--workers=2", "--max-requests=100", "--max-requests-jitter=0")
    server.until_ready(2)
    connections = [server.server.connect() for _ in range(8)]
    began, every = time.monotonic(), 1 / 80
    series = 'maitred_worker_starts_total{worker="supervisor",reason="max_requests"}'
    count, started = 0, 0.0
    while count < requests or started < recycles:
        assert count < 10 * requests, f"{started} workers were recycled\n{server.server.log}"
        # The pace is the load: a successor needs more than a second to prove itself.
        time.sleep(max(0.0, began + count * every - time.monotonic()))
        answer = connections[count % len(connections)].ask(request("/"))
        assert answer.status == 200
        count += 1
        if count % 100 == 0:
            started = server.metrics()[series]
    metrics = server.metrics()
    assert metrics['maitred_workers_short_seconds_total{worker="supervisor"}'] == 0
    until(
        lambda: server.sum("maitred_requests_total", 'code="200"') == count,
        "every request is counted once",
    )
    assert server.sum("maitred_connections_accepted_total") == len(connections)
    for connection in connections:
        connection.close()
