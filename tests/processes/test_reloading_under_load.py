"""Tests of reloads with `preload` while clients ask all the time.

Every request is answered once, with its own answer, whatever becomes of the processes meanwhile.
"""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
from collections import Counter

import pytest
from client import Connection, Response, request
from observing import is_running, molds, until
from server import command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="`preload` is for Linux")

SHOP = """
import json
import os

IMPORTED_BY = os.getpid()


def app(environ, start_response):
    name = environ["PATH_INFO"]
    with open("journal", "ab", buffering=0) as journal:
        journal.write(name.encode() + b"\\n")
    about = {"name": name, "version": VERSION, "imported_by": IMPORTED_BY}
    body = json.dumps(about).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]

"""

KEEPING, CONNECTING = 6, 4
"""How many clients keep their connection, and how many open one for each request."""

ANSWERS_BETWEEN = 100
"""How many answers prove that clients have asked meanwhile."""


class Asker(threading.Thread):
    """A client that asks again and again, and gives up at the first wrong answer."""

    def __init__(self, server, name: str) -> None:
        super().__init__(name=name)
        self.server = server
        self.is_over = threading.Event()
        self.answered = 0
        self.failed: BaseException | None = None

    def run(self) -> None:
        """Ask until told to stop."""
        try:
            for number in itertools.count():
                if self.is_over.is_set():
                    return
                name = f"/{self.name}-{number}"
                answer = self.ask(request(name))
                assert answer.status == 200
                assert json.loads(answer.body)["name"] == name
                self.answered += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it
            self.failed = error

    def ask(self, data: bytes) -> Response:
        """Ask on a connection of its own."""
        with self.server.connect() as connection:
            return connection.ask(data)


class KeepingAsker(Asker):
    """One that asks on the same connection all the time."""

    def __init__(self, server, name: str) -> None:
        super().__init__(server, name)
        self.connection: Connection = server.connect()

    def ask(self, data: bytes) -> Response:
        """Ask on the connection."""
        return self.connection.ask(data)


def by_command(server, seen: int) -> None:
    """Reload, and wait for it as people do."""
    admin = server.server.wait_for(r"probes, metrics and status on (http://\S+)")[1]
    done = subprocess.run(
        command("reload", admin), capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "reload complete: 2 replaced\n"), done.stderr


def by_signal(server, seen: int) -> None:
    """Reload as service managers do, after `seen` reloads."""
    server.server.signal(signal.SIGHUP)
    complete = "reload complete: 2 replaced"
    until(lambda: server.server.log.count(complete) > seen, "the reload is complete")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("reloads", [6, pytest.param(100, marks=pytest.mark.soak)])
def test_reloads_of_a_preloaded_application_cost_clients_nothing(workers, tmp_path, reloads):
    shop = tmp_path / "shop.py"
    shop.write_text(SHOP + "VERSION = 0\n")
    server = workers("--workers=2", "--preload", app="shop:app")
    server.until_ready(2)
    clients = [KeepingAsker(server.server, f"keeping{number}") for number in range(KEEPING)]
    clients += [Asker(server.server, f"connecting{number}") for number in range(CONNECTING)]

    def all_have_asked() -> None:
        """Wait until each has been answered, and many together: nobody stands still."""
        before = [client.answered for client in clients]
        goal = sum(before) + ANSWERS_BETWEEN

        def is_so() -> bool:
            assert [client.failed for client in clients if client.failed] == []
            now = [client.answered for client in clients]
            return sum(now) >= goal and all(a > b for a, b in zip(now, before, strict=True))

        until(is_so, f"all are answered\n{server.server.log}")

    for client in clients:
        client.start()
    try:
        for version in range(1, reloads + 1):
            all_have_asked()
            old = {*server.ready().values(), *(it["pid"] for it in molds(server))}
            assert len(old) == 3
            # Python looks at the size of a file, and at the second of its change.
            shop.write_text(SHOP + f"VERSION = {version}\n" + "#" * version)
            (by_command if version % 2 else by_signal)(server, version - 1)
            until(lambda old=old: not any(map(is_running, old)), "the old processes have ended")
            server.until_ready(2)
            # The old one is shown until the supervisor has noticed its end.
            until(lambda: len(molds(server)) == 1, "only the new preload process is shown")
            (mold,) = molds(server)
            for _ in range(10):
                answer = server.ask(f"/after-{version}")
                assert (answer["version"], answer["imported_by"]) == (version, mold["pid"])
        all_have_asked()
    finally:
        for client in clients:
            client.is_over.set()
        for client in clients:
            client.join()
    assert [client.failed for client in clients if client.failed] == []
    begun = Counter((tmp_path / "journal").read_text().split())
    for client in clients:
        asked = [f"/{client.name}-{number}" for number in range(client.answered)]
        assert [begun[name] for name in asked] == [1] * len(asked), client.name
    metrics = server.metrics()
    assert metrics['maitred_reloads_total{worker="supervisor",result="complete"}'] == reloads
    assert metrics['maitred_workers_short_seconds_total{worker="supervisor"}'] == 0
    assert server.sum("maitred_connections_closed_total", 'reason="worker_died"') == 0
    until(
        lambda: server.sum("maitred_requests_total", 'code="200"') == begun.total(),
        "every request is counted once",
    )
    for client in clients[:KEEPING]:
        client.connection.close()
    # Nobody's connection was closed for a reload: each of these clients has had one.
    accepted = server.sum("maitred_connections_accepted_total")
    opened = sum(client.answered for client in clients[KEEPING:]) + KEEPING + 10 * reloads
    assert accepted == opened
    closed = "maitred_connections_closed_total"
    until(lambda: server.sum(closed) == accepted, "every connection has ended once")
