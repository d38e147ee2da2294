"""Tests of a server with few file descriptors and more clients than that."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from client import request
from server import Server, command

HERE = Path(__file__).resolve().parent
DESCRIPTORS = 64
CLIENTS = 200


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_newcomers_are_served_though_no_descriptor_is_left() -> None:
    """Who has been idle for the longest makes room, as at the connection limit."""
    program = command(
        "--listen=127.0.0.1:0", "--connection-limit=1000", "--threads=2", "slow_app:application"
    )
    shell = ["sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh"]
    server = Server([*shell, *program], cwd=HERE)
    try:
        server.wait_for("serving on ")
        clients = []
        for _ in range(CLIENTS):
            clients.append(server.connect())
            assert clients[-1].ask(request("/")).body == b"0"
        for client in clients:
            client.close()
        with server.connect() as last:
            assert last.ask(request("/")).body == b"0"
        server.leave()
        assert "connection-limit is 1000, but clients can use no more than" in server.log
        assert server.log.count("is reached: idle connections are closed to make room") == 1
    finally:
        server.close()
