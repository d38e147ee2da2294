"""Tests of the memory that clients can make a server take, and of what comes back."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from admin import Admin
from client import PATIENCE_SECONDS, Connection, request
from server import Server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")

HERE = Path(__file__).resolve().parent
CLIENTS = 100
MIB = 1024 * 1024
LIMIT = 32 * MIB

#: What `docs/guides/client-memory.md` says that a connection may hold beside the limit.
BESIDE_LIMIT = 48 * 1024

#: Reused buffers, and what the interpreter, its threads and the allocator take for themselves.
OVERHEAD = 40 * MIB


@pytest.fixture
def serving(maitred: Callable[..., Server]) -> Iterator[tuple[Server, Admin]]:
    """Start a server with little memory for clients."""
    server = maitred(
        f"--python-path={HERE}",
        "--admin-listen=127.0.0.1:0",
        "--connection-limit=200",
        f"--client-memory-limit={LIMIT}",
        "memory_app:app",
    )
    yield server, Admin(server)


def resident(server: Server) -> int:
    """The memory of the server, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    match = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    assert match, status
    return int(match[1]) * 1024


def until(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def held(admin: Admin, storage: str) -> float:
    series = 'maitred_spool_bytes{{direction="{}",storage="{}"}}'
    return sum(admin.metric(series.format(direction, storage)) for direction in ("in", "out"))


HEAD = b"GET / HTTP/1.1\r\nHost: t\r\nX: " + b"x" * 250_000
BODY = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 520000\r\n\r\n" + bytes(510_000)
CHUNKED = b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n7a120\r\n" + bytes(
    490_000
)
PIPELINED = request("/large") * 1000
UNREAD = request("/large")


@pytest.mark.parametrize(
    ("what", "on_disk"),
    [(HEAD, 0), (BODY, 15 * MIB), (CHUNKED, 15 * MIB), (PIPELINED, 100 * MIB), (UNREAD, 100 * MIB)],
    ids=["heads", "bodies", "chunked bodies", "pipelined requests", "unread responses"],
)
def test_clients_take_no_more_memory_than_the_limit_says_and_all_of_it_comes_back(
    serving, what: bytes, on_disk: int
):
    server, admin = serving
    # What the first request makes the interpreter allocate for good.
    with server.connect() as warm:
        assert len(warm.ask(request("/large")).body) == 8_000_000
    before = resident(server)
    bound = LIMIT + CLIENTS * BESIDE_LIMIT
    with contextlib.ExitStack() as clients:
        for _ in range(CLIENTS):
            client = Connection(server.address, receive_buffer=65536)
            clients.enter_context(client)
            # It may be refused before it has sent all.
            with contextlib.suppress(OSError):
                client.send(what)
        until("everything to have its place", lambda: held(admin, "disk") >= on_disk)
        until("memory to be within the limit", lambda: held(admin, "memory") <= bound)
        assert resident(server) <= before + bound + OVERHEAD
    until("everybody to be gone", lambda: held(admin, "memory") + held(admin, "disk") == 0)
    # Nobody is connected, and no request comes.
    until("memory to come back", lambda: resident(server) <= before + OVERHEAD)
    with server.connect() as last:
        assert last.ask(request("/", "POST", body=b"12345")).body == b"5"
