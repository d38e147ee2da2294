"""What a container runtime does with us: read-only root, another user, process 1, shared socket."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from client import Connection, request
from manifests import program as find
from server import Server

pytestmark = pytest.mark.system

HERE = Path(__file__).parent
USER, PROXY, STRANGER = 10001, 10002, 10003
SHARED_GROUP = 20001

#: Larger than `inbuf-overflow`, so that it goes to a file.
LARGE = bytes(range(256)) * 8192


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Make a folder as Kubernetes makes an `emptyDir` with `fsGroup`: setgid, for the group."""
    folder = tmp_path / "shared"
    folder.mkdir()
    os.chown(folder, -1, SHARED_GROUP)
    folder.chmod(0o2770)
    return folder


@pytest.fixture
def contained(shared: Path) -> Iterator[Callable[..., Server]]:
    """Start the program in something like a container."""
    if os.geteuid() != 0:
        pytest.fail("another user and a root of its own can only be given by root: run it as root")
    started: list[Server] = []

    def start(*arguments: str) -> Server:
        # A virtual environment, the interpreter it was made from, and the application.
        seen = f"{sys.prefix} {sys.base_prefix} {HERE}"
        server = Server(
            [
                *(find("unshare"), "--mount", "--pid", "--fork"),
                *(str(HERE / "contain"), str(USER), str(SHARED_GROUP), seen, str(shared)),
                *(sys.executable, "-m", "maitred", f"--python-path={HERE}", *arguments),
            ],
            env={"PYTHONDONTWRITEBYTECODE": "1"},
        )
        started.append(server)
        server.wait_for("serving on ")
        return server

    yield start
    for server in started:
        # `unshare` waits for it; killed itself, it would leave it behind.
        if server.process.poll() is None:
            os.kill(process_one(server), signal.SIGKILL)
            server.wait()
        server.close()


def process_one(server: Server) -> int:
    """Return the number that the contained process has outside."""
    outer = server.process.pid
    children = Path(f"/proc/{outer}/task/{outer}/children").read_text(encoding="ascii")
    return int(children)


def test_it_serves_as_process_one_of_another_user_with_a_read_only_root(
    contained: Callable[..., Server],
) -> None:
    server = contained("--listen=127.0.0.1:0", "contract_app:app")
    with Connection(server.address) as connection:
        response = connection.ask(request("/", "POST", body=LARGE), "POST")
    facts = json.loads(response.body)
    assert facts["pid"] == 1
    assert facts["user"] == USER
    assert set(facts["capabilities"]) == {"0" * 16}
    assert facts["writes"] == {"/": False, "/tmp": True, "/etc": False}  # noqa: S108
    # The body went through a file in /tmp, the only place there is.
    assert facts["sha256"] == hashlib.sha256(LARGE).hexdigest()


def test_process_one_hears_the_signal_that_a_kubelet_sends(
    contained: Callable[..., Server],
) -> None:
    server = contained("--listen=127.0.0.1:0", "contract_app:app")
    os.kill(process_one(server), signal.SIGTERM)
    assert server.wait() == 0


def ask_as(user: int, groups: str, socket: Path) -> subprocess.CompletedProcess[str]:
    """Ask through the socket as somebody else, as a proxy in another container would."""
    return subprocess.run(
        [
            *(find("setpriv"), f"--reuid={user}", f"--regid={user}", groups, "--no-new-privs"),
            *(find("curl"), "--silent", "--show-error", "--max-time", "10"),
            *("--unix-socket", str(socket), "http://maitred/"),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_proxy_with_another_user_reaches_the_socket_through_the_group_and_nobody_else(
    contained: Callable[..., Server], shared: Path
) -> None:
    # The way to the folder is open, as it is in a pod; the folder itself and the socket are not.
    for folder in shared.parents:
        if folder.owner() == "root" and "pytest" in folder.name:
            folder.chmod(0o711)
    shared.parent.chmod(0o711)
    socket = shared / "maitred.sock"
    contained(f"--unix-socket={socket}", "--unix-socket-perms=660", "contract_app:app")
    assert socket.stat().st_gid == SHARED_GROUP
    assert socket.stat().st_mode & 0o777 == 0o660

    proxy = ask_as(PROXY, f"--groups={SHARED_GROUP}", socket)
    assert proxy.returncode == 0, proxy.stderr
    assert json.loads(proxy.stdout)["user"] == USER

    stranger = ask_as(STRANGER, "--clear-groups", socket)
    assert stranger.returncode == 7  # curl: could not connect
