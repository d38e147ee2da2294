"""Tests of limits with several workers: of the total of connections, and of each one's queue."""

from __future__ import annotations

import threading

from client import Connection, request
from observing import until
from unmovable import unmovable


class Asking:
    """Clients that have sent a request, each read by a thread."""

    def __init__(self, server, count: int, data: bytes) -> None:
        self.statuses: list[int] = []
        connections = []
        for _ in range(count):
            connections.append(server.server.connect())
            # Who has sent nothing yet may have to leave for the next one.
            connections[-1].send(data)
        self.threads = [threading.Thread(target=self._read, args=(it,)) for it in connections]
        for thread in self.threads:
            thread.start()

    def _read(self, connection: Connection) -> None:
        self.statuses.append(connection.read().status)
        connection.close()

    def end(self) -> None:
        """Wait until all have been answered."""
        for thread in self.threads:
            thread.join()


def test_the_limit_of_connections_is_one_of_all_workers_together(workers, gate):
    limit, clients = 10, 30
    server = workers("--workers=2", "--threads=12", f"--connection-limit={limit}")
    server.until_ready(2)
    asking = Asking(server, clients, request("/wait"))

    def busy() -> int:
        return sum(it["threads"]["busy"] for it in server.all())

    until(lambda: len(asking.statuses) + busy() == clients, "all are answered or served")
    # Both may take the last place at the same moment.
    assert limit <= busy() <= limit + 1
    assert set(asking.statuses) == {503}
    for _ in range(busy()):
        gate.await_one()
    rejected = len(asking.statuses)
    gate.open()
    asking.end()
    assert asking.statuses.count(200) == clients - rejected
    assert server.sum("maitred_connections_rejected_total", 'reason="limit"') == rejected


def test_each_worker_has_a_queue_of_its_own_and_what_does_not_fit_is_told_so(workers, gate):
    limit, clients = 4, 30
    server = workers("--workers=2", "--threads=1", f"--queue-limit={limit}")
    pids = server.until_ready(2).values()
    held = [server.connect_to(pid) for pid in pids]
    for connection in held:
        connection.send(unmovable("/wait"))
        gate.await_one()
    asking = Asking(server, clients, request("/"))
    full = ("maitred_connections_rejected_total", 'reason="queue_full"')

    def waiting() -> int:
        return sum(it["queue"] for it in server.all())

    until(lambda: server.sum(*full) + waiting() == clients, "all are answered or wait")
    assert limit <= waiting() <= 2 * limit
    rejected = server.sum(*full)
    gate.open()
    asking.end()
    assert asking.statuses.count(503) == rejected
    assert asking.statuses.count(200) == clients - rejected
    for connection in held:
        assert connection.read().status == 200
        connection.close()
