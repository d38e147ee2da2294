"""Tests of socket activation and readiness notification, with systemd's tool and without."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from client import Connection, request
from manifests import program as find
from server import Server

pytestmark = pytest.mark.system

HERE = Path(__file__).parent


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Listen where a service says how it is, as systemd does for `Type=notify`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(30)
        yield told


@pytest.fixture
def started() -> Iterator[Callable[..., Server]]:
    """Start any command; it is ended with the test."""
    servers: list[Server] = []

    def start(*command: str, **how) -> Server:
        server = Server(command, **how)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


def test_systemds_own_tool_hands_over_a_socket_with_the_first_request_in_it(
    started: Callable[..., Server], tmp_path: Path
) -> None:
    path = tmp_path / "activated.sock"
    server = started(
        *(find("systemd-socket-activate"), f"--listen={path}"),
        *(sys.executable, "-m", "maitred", "--listen=fd://3", "contract_app:app"),
        cwd=HERE,
    )
    server.wait_for("Listening on")
    with Connection(str(path), timeout=60) as connection:
        # Nothing runs yet but the socket: the connection itself starts the server.
        assert connection.ask(request("/")).status == 200
    assert server.stop() == 0
    # The file is whose who made it.
    assert path.exists()


def test_the_service_manager_is_told_of_the_start_and_of_the_stop(
    program: Callable[..., Server], manager: socket.socket
) -> None:
    server = program(
        *("--listen=127.0.0.1:0", "contract_app:app"),
        cwd=HERE,
        env={"NOTIFY_SOCKET": manager.getsockname()},
    )
    assert manager.recv(4096).decode().splitlines()[0] == "READY=1"
    # Ready means that requests are taken, from now on.
    with Connection(server.address) as connection:
        assert connection.ask(request("/")).status == 200
    server.signal()
    assert manager.recv(4096).decode().splitlines()[0] == "STOPPING=1"
    assert server.wait() == 0


def test_the_service_manager_is_told_of_the_stop_that_an_exception_of_the_application_begins(
    program: Callable[..., Server], manager: socket.socket, tmp_path: Path
) -> None:
    (tmp_path / "raising.py").write_text(
        "import signal, sys\n"
        "from contract_app import app\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    )
    server = program(
        *("--listen=127.0.0.1:0", f"--python-path={HERE}", "raising:app"),
        cwd=tmp_path,
        env={"NOTIFY_SOCKET": manager.getsockname()},
    )
    assert manager.recv(4096).decode().splitlines()[0] == "READY=1"
    server.signal()
    assert manager.recv(4096).decode().splitlines()[0] == "STOPPING=1"
    assert server.wait() == 0


def test_an_application_that_cannot_be_imported_is_never_ready(
    program: Callable[..., Server], manager: socket.socket
) -> None:
    server = program(
        *("--listen=127.0.0.1:0", "nowhere:app"),
        cwd=HERE,
        env={"NOTIFY_SOCKET": manager.getsockname()},
    )
    assert server.wait() == 1
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(4096)


def test_a_restart_loses_no_connection_when_somebody_else_holds_the_socket(
    started: Callable[..., Server],
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        given = held.fileno()
        command = [sys.executable, "-m", "maitred", f"--listen=fd://{given}", "contract_app:app"]
        first = started(*command, cwd=HERE, descriptors=[given])
        first.wait_for("serving on ")
        address = held.getsockname()
        with Connection(address) as connection:
            before = connection.ask(request("/"))
        assert first.stop() == 0
        with Connection(address, timeout=60) as waiting:
            waiting.send(request("/"))
            second = started(*command, cwd=HERE, descriptors=[given])
            second.wait_for("serving on ")
            after = waiting.read()
        assert (before.status, after.status) == (200, 200)
        assert before.body != after.body  # another process
