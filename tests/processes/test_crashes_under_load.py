"""Tests of workers that are killed while clients ask all the time: what it costs, as a number.

A request is lost if a worker has begun with it and its client gets no answer: nobody can know what
the application has done by then. One that no worker has begun is sent again, as HTTP clients do
on a kept-alive connection that ends (RFC 9110 §9.2.2), and must be answered once.

The long version runs in `make soak`.
"""

from __future__ import annotations

import os
import random
import re
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest
from client import Connection, ResponseError, request
from observing import until
from server import Server

CLIENTS = 24
ANSWERS_BETWEEN = 100
"""How many answers prove that the others go on."""

DIED = r"a worker process died \(SIGKILL\).*? running=(\d+) waiting=(\d+) connections=(\d+)"
WAS_RUNNING = r'this request was running when the worker process died.*? path="?/([\w-]+)'


class Journal:
    """What the applications have begun."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begun(self) -> list[tuple[str, int]]:
        """Every request that was begun, and the process that began it."""
        lines = (line.split() for line in self.path.read_text().splitlines())
        return [(name, int(pid)) for name, pid in lines]

    def has(self, name: str) -> bool:
        """Whether a worker has begun with this request."""
        return any(begun == name for begun, _ in self.begun())


class Asker(threading.Thread):
    """A client that asks again and again, on a connection that it keeps as long as it can."""

    def __init__(self, server: Server, name: str, journal: Journal) -> None:
        super().__init__(name=name)
        self.server, self.journal = server, journal
        self.is_over = threading.Event()
        self.answered = 0
        self.lost: list[str] = []
        self.sent_again = 0
        self.failed: BaseException | None = None
        self.connection: Connection | None = None

    def run(self) -> None:
        """Ask until told to stop."""
        try:
            while not self.is_over.is_set():
                self.ask(f"{self.name}-{self.answered + len(self.lost)}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it
            self.failed = error
        finally:
            if self.connection:
                self.connection.close()

    def ask(self, name: str) -> None:
        """Send a request until it is answered, or lost."""
        while True:
            self.connection = self.connection or self.server.connect()
            try:
                answer = self.connection.ask(request(f"/{name}"))
            except (ConnectionError, ResponseError):
                self.connection.close()
                self.connection = None
                if self.journal.has(name):
                    self.lost.append(name)
                    return
                self.sent_again += 1
            else:
                assert (answer.status, answer.body) == (200, name.encode())
                self.answered += 1
                return


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("kills", "processes"), [(5, 3), pytest.param(50, 8, marks=pytest.mark.soak)]
)
def test_a_killed_worker_costs_no_more_than_the_requests_that_it_ran(
    workers, tmp_path, kills, processes
):
    journal = Journal(tmp_path / "journal")
    server = workers(
        f"--workers={processes}",
        "--threads=2",
        app="journal_app:app",
        env={"JOURNAL": str(journal.path)},
    )
    server.until_ready(processes)
    clients = [Asker(server.server, f"client{number}", journal) for number in range(CLIENTS)]
    killed = kill_under_load(server, clients, kills)
    log = server.server.log
    deaths = [tuple(map(int, death)) for death in re.findall(DIED, log)]
    assert len(deaths) == kills
    running, waiting, connections = map(sum, zip(*deaths, strict=True))
    lost = [name for client in clients for name in client.lost]
    answered = sum(client.answered for client in clients)
    sent_again = sum(client.sent_again for client in clients)
    figures = (
        f"{kills} workers died with {connections} connections, which ran {running} requests while "
        f"{waiting} waited: {len(lost)} were lost, {sent_again} sent again and {answered} answered"
    )
    assert [client.failed for client in clients if client.failed] == [], figures
    assert len(lost) <= running, figures
    # The line of a process comes before those of its requests.
    until(lambda: set(lost) <= set(re.findall(WAS_RUNNING, server.server.log)), figures)
    # One that a process accepts, or hands over, in the moment of its death it does not show.
    assert len(lost) + sent_again <= connections + kills, figures
    begun = journal.begun()
    twice = [name for name, times in Counter(name for name, _ in begun).items() if times > 1]
    assert twice == [], figures
    assert len(begun) == answered + len(lost), figures
    assert {pid for name, pid in begun if name in lost} <= set(killed), figures


def kill_under_load(server, clients: list[Asker], kills: int) -> list[int]:
    """Kill so many workers, one after the other, while the clients ask; tell which."""
    chance = random.Random(kills)  # noqa: S311 (the same each time)
    killed: list[int] = []
    for client in clients:
        client.start()
    try:
        for _ in range(kills):
            goal = sum(client.answered for client in clients) + ANSWERS_BETWEEN
            until(
                lambda goal=goal: sum(client.answered for client in clients) >= goal,
                f"the others answer\n{server.server.log}",
            )
            server.until(lambda workers: [it["state"] for it in workers].count("ready") >= 2)
            killed.append(chance.choice(list(server.ready().values())))
            os.kill(killed[-1], signal.SIGKILL)
            until(
                lambda: server.server.log.count("a worker process died (SIGKILL)") == len(killed),
                "the supervisor notices",
            )
    finally:
        for client in clients:
            client.is_over.set()
        for client in clients:
            client.join()
    return killed
