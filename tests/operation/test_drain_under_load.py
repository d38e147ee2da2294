"""SIGTERM while fifty clients keep their connections busy."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from admin import Admin
from client import Connection, ResponseError, request

CLIENTS = 50


@dataclass
class Seen:
    """What one client saw."""

    answers: int = 0
    refused: int = 0
    broken: list[str] = field(default_factory=list)


def keep_busy(address: tuple[str, int], seen: Seen) -> None:
    """Ask again and again, on a new connection after each last word, until nobody accepts."""
    while True:
        try:
            connection = Connection(address, timeout=20)
        except ConnectionRefusedError:
            seen.refused += 1
            return
        except OSError as error:
            seen.broken.append(f"connect: {error}")
            return
        try:
            with connection:
                while True:
                    connection.send(request("/"))
                    response = connection.read()
                    assert (response.status, response.body) == (200, b"hello")
                    seen.answers += 1
                    if not response.keeps_alive:
                        break
        except (OSError, ResponseError, AssertionError) as error:
            seen.broken.append(f"after {seen.answers} answers: {error!r}")


def test_fifty_busy_clients_lose_nothing(stuck):
    server, admin = stuck("--threads=4", "--drain-delay=500ms", "--connection-limit=200")
    everybody = [Seen() for _ in range(CLIENTS)]
    threads = [
        threading.Thread(target=keep_busy, args=(server.address, seen)) for seen in everybody
    ]
    for thread in threads:
        thread.start()
    while sum(seen.answers for seen in everybody) < 1000:
        assert not any(seen.broken for seen in everybody)
    server.signal()
    status = server.wait()
    for thread in threads:
        thread.join()
    assert [broken for seen in everybody for broken in seen.broken] == []
    assert [seen.refused for seen in everybody] == [1] * CLIENTS
    assert all(seen.answers for seen in everybody)
    assert status == 0
    # The admin listener has gone with the process; until then it answered.
    assert "stopping: requests that are on their way are still answered" in server.log
    assert isinstance(admin, Admin)


def test_readiness_falls_before_anything_else(stuck):
    server, admin = stuck("--threads=1", "--drain-delay=60")
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


def test_what_is_cut_off_is_named_with_its_stack(stuck):
    server, admin = stuck("--threads=1", "--graceful-timeout=200ms")
    with server.connect(timeout=30) as connection:
        connection.send(request("/wait?seconds=20"))
        admin.until("maitred_threads_busy", 1)
        server.signal()
        assert server.wait() == 0
    assert "graceful-timeout: a request is cut off" in server.log
    assert "path=/wait" in server.log
    assert "time.sleep(seconds)" in server.log
