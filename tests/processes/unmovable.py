"""Requests that stay in the worker process at which they arrive."""

from __future__ import annotations

from client import Connection, request


def unmovable(target: str) -> bytes:
    """Return a request whose body is too large for it to be handed to another worker."""
    return request(target, method="POST", body=b"x" * 40_000)


def keep_busy(server, gate, pid: int, path: str) -> Connection:
    """Send a request that waits at the gate in the worker of this pid."""
    while True:
        connection = server.connect_to(pid)
        connection.send(request(path))
        waiting = gate.await_one()
        if int(waiting.recv(16)) == pid:
            return connection
        # The worker was slow to begin with it, and the other one has it.
        waiting.close()
        connection.read()
        connection.close()
