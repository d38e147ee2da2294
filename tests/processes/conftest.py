"""Fixtures for servers with worker processes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from client import PATIENCE_SECONDS
from gate import Gate
from running_workers import Workers
from server import Server

HERE = Path(__file__).parent


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Return the gate at which requests wait until it is opened."""
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture
def service_manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Return the socket of a service manager, whose name is for `NOTIFY_SOCKET`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{tmp_path}/notify")
        manager.settimeout(PATIENCE_SECONDS)
        yield manager


@pytest.fixture
def workers(program: Callable[..., Server], gate: Gate, tmp_path: Path) -> Callable[..., Workers]:
    """Start a server with worker processes, and wait until it serves."""

    def start(
        *arguments: str, app: str = "workers_app:app", env: dict[str, str] | None = None
    ) -> Workers:
        server = program(
            "--listen=127.0.0.1:0",
            "--admin-listen=127.0.0.1:0",
            f"--python-path={HERE}",
            f"--python-path={HERE.parent}",
            *arguments,
            app,
            cwd=tmp_path,
            env={**gate.environ, **(env or {})},
        )
        server.wait_for("serving on ")
        return Workers(server)

    return start
