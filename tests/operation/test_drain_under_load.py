"""Tests of SIGTERM while fifty clients keep their connections busy."""

from __future__ import annotations

import selectors
from dataclasses import dataclass, field

from client import PATIENCE_SECONDS, Connection, ResponseError, request
from server import Server

CLIENTS = 50
ANSWERS = 1000


@dataclass
class Seen:
    """What one client saw."""

    answers: int = 0
    refused: int = 0
    broken: list[str] = field(default_factory=list)


class Crowd:
    """Clients that ask again and again, on a new connection after each last word.

    All of them are served by one thread: whoever has connected asks at once, as the server may
    expect of them when it stops, and does not first wait for the turn of a thread of its own.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.everybody = [Seen() for _ in range(CLIENTS)]
        self.asked = selectors.DefaultSelector()
        for seen in self.everybody:
            self._connect(seen)

    @property
    def answers(self) -> int:
        """How many there were."""
        return sum(seen.answers for seen in self.everybody)

    @property
    def broken(self) -> list[str]:
        """What was not as it should be."""
        return [broken for seen in self.everybody for broken in seen.broken]

    def go_on(self) -> bool:
        """Take the answers that are there, and ask again; false when nobody is served any more."""
        if not self.asked.get_map():
            return False
        ready = self.asked.select(PATIENCE_SECONDS)
        assert ready, "nobody is answered"
        for key, _ in ready:
            seen, connection = key.data
            try:
                stays = self._take_one(seen, connection)
            except (OSError, ResponseError, AssertionError) as error:
                seen.broken.append(f"after {seen.answers} answers: {error!r}")
                stays = False
            if not stays:
                self.asked.unregister(connection.socket)
                connection.close()
                self._connect(seen)
        return True

    def _connect(self, seen: Seen) -> None:
        try:
            connection = Connection(self.address)
        except ConnectionRefusedError:
            seen.refused += 1
            return
        self.asked.register(connection.socket, selectors.EVENT_READ, (seen, connection))
        try:
            connection.send(request("/"))
        except OSError as error:
            seen.broken.append(f"when it asked: {error!r}")

    def _take_one(self, seen: Seen, connection: Connection) -> bool:
        """Whether the connection goes on."""
        response = connection.read()
        assert (response.status, response.body) == (200, b"hello")
        seen.answers += 1
        if response.keeps_alive:
            connection.send(request("/"))
        return response.keeps_alive


def test_fifty_busy_clients_lose_nothing(stuck):
    server: Server = stuck("--threads=4", "--drain-delay=500ms", "--connection-limit=200")[0]
    crowd = Crowd(server.address)
    while crowd.answers < ANSWERS:
        crowd.go_on()
        assert crowd.broken == []
    server.signal()
    while crowd.go_on():
        pass
    assert crowd.broken == []
    assert [seen.refused for seen in crowd.everybody] == [1] * CLIENTS
    assert all(seen.answers for seen in crowd.everybody)
    assert server.wait() == 0
    assert "draining: requests in progress will be finished" in server.log


def test_readiness_falls_before_anything_else(stuck):
    server, admin = stuck("--threads=1", "--drain-delay=1h")
    assert admin.status("/readyz") == 200
    server.signal()
    admin.until("maitred_draining", 1)
    response = admin.ask("/readyz")
    assert (response.status, response.body) == (503, b"draining\n")
    assert admin.status("/livez") == 200
    with server.connect() as connection:
        connection.send(request("/"))
        response = connection.read()
        assert (response.status, response.keeps_alive) == (200, False)
    assert server.insist() == 0


def test_what_is_cut_off_is_named_with_its_stack(stuck, gate):
    server, admin = stuck("--threads=1", "--graceful-timeout=200ms")
    with server.connect() as connection:
        connection.send(request("/wait"))
        gate.await_one()
        admin.until_thread(lambda thread: "gate.recv(1)" in thread["stack"])
        server.signal()
        assert server.wait() == 0
    assert "graceful-timeout: a running request is aborted" in server.log
    assert "path=/wait" in server.log
    assert "gate.recv(1)" in server.log
