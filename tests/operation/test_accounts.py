"""Whatever clients and the application do, the accounts balance.

Every accepted connection ends in exactly one counted way, every request in exactly one line of the
access log and one `maitred_requests_total`, and nothing of any of them is left over. The limits are
so low, and the clients so many, that most of them are met.
"""

from __future__ import annotations

import random
import re
import threading
import time
from pathlib import Path

from admin import Admin
from client import PATIENCE_SECONDS, Connection, request
from fickle_app import PATHS

CLIENTS = 16
CONVERSATIONS = 30
LOW_LIMITS = (
    "--threads=3",
    "--connection-limit=12",
    "--queue-limit=4",
    "--queue-timeout=1",
    "--request-timeout=1",
    "--header-timeout=1",
    "--body-timeout=1",
    "--write-timeout=1",
    "--keep-alive-timeout=2",
    "--inbuf-overflow=1000",
    "--outbuf-overflow=10000",
    "--outbuf-high-watermark=100000",
)


def some_request(chance: random.Random) -> bytes:
    """Write a request, right but for one in ten."""
    path = "/is-stuck" if chance.random() < 0.01 else chance.choice(PATHS)
    version = chance.choice(["1.1", "1.1", "1.0"])
    lines = [f"{chance.choice(['GET', 'HEAD', 'POST'])} {path} HTTP/{version}", "Host: test"]
    if chance.random() < 0.2:
        lines.append(f"Connection: {chance.choice(['close', 'keep-alive'])}")
    body = b""
    if lines[0].startswith("POST"):
        body = b"x" * chance.choice([0, 1, 900, 1100, 200_000])
        if version == "1.1" and body and chance.random() < 0.4:
            lines.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            lines.append(f"Content-Length: {len(body)}")
    if chance.random() < 0.1:
        lines.append("a field without a colon")
    return "\r\n".join([*lines, "", ""]).encode() + body


def converse(connection: Connection, chance: random.Random) -> None:
    """Send some requests, perhaps not all of them, and leave in one of many ways."""
    data = b"".join(some_request(chance) for _ in range(chance.choice([1, 1, 1, 2, 5])))
    if chance.random() < 0.2:
        data = data[: chance.randrange(len(data))]
    piece = chance.choice([10, 1000, 100_000]) if len(data) < 3000 else 100_000
    for start in range(0, len(data), piece):
        connection.send(data[start : start + piece])
    leaves = chance.randrange(10)
    if leaves == 0:
        connection.reset()
        return
    if leaves == 1:
        connection.half_close()
    for _ in range(chance.randrange(20)):
        if not connection.socket.recv(chance.choice([100, 65536])):
            return


def client(address, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (the same each time)
    for _ in range(CONVERSATIONS):
        buffer = 4096 if chance.random() < 0.3 else None
        try:
            patience = chance.choice([0.05, 0.3, 1])
            with Connection(address, patience, buffer) as connection:
                converse(connection, chance)
        except OSError:
            pass  # it was too slow, was turned away, or has been cut off


def total(admin: Admin, name: str) -> float:
    """Add up the series of a family."""
    text = admin.ask("/metrics").body.decode()
    return sum(map(float, re.findall(rf"^maitred_{name}\{{.*?\}} (\S+)$", text, re.MULTILINE)))


def test_every_connection_and_every_request_is_counted_once_and_leaves_nothing(maitred, tmp_path):
    log = tmp_path / "access.log"
    server = maitred(
        *LOW_LIMITS,
        f"--access-log={log}",
        "--admin-listen=127.0.0.1:0",
        "fickle_app:app",
        cwd=Path(__file__).parent,
    )
    admin = Admin(server)
    threads = [threading.Thread(target=client, args=(server.address, n)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Connections are accepted in the order in which they come: all others have been, then.
    with server.connect() as last:
        last.ask(request("/"))
    for state in ("idle", "reading", "queued", "app", "writing"):
        admin.until(f'maitred_connections{{state="{state}"}}', 0)
    for gauge in ("queue_requests", "requests_in_progress", "threads_busy", "threads_stuck"):
        admin.until(f"maitred_{gauge}", 0)
    accepted = total(admin, "connections_accepted_total")
    assert accepted > CLIENTS * CONVERSATIONS / 2
    # Those who were turned away are no connections in a state.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (closed := total(admin, "connections_closed_total")) != accepted:
        assert time.monotonic() < deadline, f"{accepted} were accepted, and {closed} ended"
        time.sleep(0.01)
    admin.until("maitred_threads", 3)
    assert total(admin, "spool_bytes") == 0
    requests = total(admin, "requests_total")
    assert server.stop() == 0
    assert len(log.read_text().splitlines()) == requests > 0
    assert "panicked" not in server.log
