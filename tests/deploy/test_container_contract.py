"""Tests under the conditions of containers: read-only root, another user, PID 1, shared socket."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from client import PATIENCE_SECONDS, Connection, request
from manifests import KUBERNETES
from manifests import program as find
from ports import free_port
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


class Contained(Server):
    """A program in something like a container: another user, a root of its own, process 1."""

    def __init__(self, user: int, seen: list[str], written: str, *command: str) -> None:
        if os.geteuid() != 0:
            pytest.fail("only root can give another user and another root: run it as root")
        super().__init__(
            [
                *(find("unshare"), "--mount", "--pid", "--fork"),
                *(str(HERE / "contain"), str(user), str(SHARED_GROUP), " ".join(seen), written),
                *command,
            ],
            env={"PYTHONDONTWRITEBYTECODE": "1"},
        )

    @property
    def inside(self) -> list[int]:
        """The number that the contained process has outside, until it has ended."""
        outer = self.process.pid
        children = Path(f"/proc/{outer}/task/{outer}/children").read_text(encoding="ascii")
        return [int(child) for child in children.split()]

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the contained process, as a kubelet does, unless it has ended."""
        for process in self.inside:
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def close(self) -> None:
        """End it; `unshare`, which waits for it, would leave it behind."""
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.wait()
        super().close()


@pytest.fixture
def container() -> Iterator[Callable[..., Contained]]:
    """Start any program contained; it is ended with the test."""
    started: list[Contained] = []

    def start(user: int, seen: list[str], written: str, *command: str) -> Contained:
        started.append(Contained(user, seen, written, *command))
        return started[-1]

    yield start
    for contained in started:
        contained.close()


#: A virtual environment, the interpreter that it was made from, and the application.
SEEN = [sys.prefix, sys.base_prefix, str(HERE)]


@pytest.fixture
def contained(container: Callable[..., Contained], shared: Path) -> Callable[..., Contained]:
    """Start the server contained, with the folder that it shares, and wait until it serves."""

    def start(*arguments: str) -> Contained:
        program = [sys.executable, "-m", "maitred", f"--python-path={HERE}", *arguments]
        server = container(USER, SEEN, str(shared), *program)
        server.wait_for("serving on ")
        return server

    return start


def test_it_serves_as_process_one_of_another_user_with_a_read_only_root(
    contained: Callable[..., Contained],
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
    contained: Callable[..., Contained],
) -> None:
    server = contained("--listen=127.0.0.1:0", "contract_app:app")
    assert server.stop() == 0


def ask_as(user: int, groups: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Ask through the socket as somebody else, as a proxy in another container would."""
    return subprocess.run(
        [
            *(find("setpriv"), f"--reuid={user}", f"--regid={user}", groups, "--no-new-privs"),
            *(find("curl"), "--silent", "--show-error", "--max-time", "60"),
            *("--unix-socket", str(path), "http://maitred/"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def open_the_way_to(folder: Path) -> None:
    """Let everybody pass through the folders of the test, as in a pod; not into this one."""
    for above in folder.parents:
        if above.stat().st_mode & 0o005 == 0:
            above.chmod(above.stat().st_mode | 0o011)


def test_a_proxy_with_another_user_reaches_the_socket_through_the_group_and_nobody_else(
    contained: Callable[..., Contained], shared: Path
) -> None:
    open_the_way_to(shared)
    path = shared / "maitred.sock"
    contained(f"--unix-socket={path}", "--unix-socket-perms=660", "contract_app:app")
    assert path.stat().st_gid == SHARED_GROUP
    assert path.stat().st_mode & 0o777 == 0o660

    proxy = ask_as(PROXY, f"--groups={SHARED_GROUP}", path)
    assert proxy.returncode == 0, proxy.stderr
    assert json.loads(proxy.stdout)["user"] == USER

    stranger = ask_as(STRANGER, "--clear-groups", path)
    assert stranger.returncode == 7  # curl: could not connect


def wait_for_port(port: int, proxy: Server) -> None:
    """Wait until the proxy takes connections."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert proxy.process.poll() is None, proxy.log
            assert time.monotonic() < deadline, proxy.log
            time.sleep(0.02)
        else:
            return


def test_the_sidecar_example_loses_no_request_while_its_main_container_is_stopped(
    container: Callable[..., Contained], shared: Path, tmp_path: Path
) -> None:
    example = KUBERNETES / "examples" / "proxy-sidecar"
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    port = free_port()
    (mounted / "maitred.toml").write_text(
        (example / "maitred.toml")
        .read_text(encoding="utf-8")
        .replace("maitred.demo:app", "contract_app:app")
        .replace("*:9090", "127.0.0.1:0")
        .replace("drain-delay = 10", "drain-delay = 3600"),
        encoding="utf-8",
    )
    nginx = (example / "nginx.conf").read_text(encoding="utf-8")
    (mounted / "nginx.conf").write_text(
        nginx.replace("listen 8080;", f"listen 127.0.0.1:{port};").replace(
            "listen [::]:8080;", f"listen [::1]:{port};"
        ),
        encoding="utf-8",
    )
    open_the_way_to(mounted)

    # The order of a pod: the sidecar first, then the main container, each with its own user; the
    # socket's folder is where the manifests mount it.
    volume = f"{shared}:/run/maitred"
    seen = [*SEEN, str(mounted)]
    nginx = (find("nginx"), "-e", "stderr", "-g", "daemon off;", "-c")
    proxy = container(PROXY, seen, volume, *nginx, str(mounted / "nginx.conf"))
    settings = (f"--config={mounted / 'maitred.toml'}", f"--python-path={HERE}")
    server = container(USER, seen, volume, sys.executable, "-m", "maitred", *settings)
    server.wait_for("serving on ")
    wait_for_port(port, proxy)

    def ask() -> int:
        with Connection(("127.0.0.1", port)) as connection:
            return connection.ask(request("/", fields=[("Connection", "close")])).status

    assert ask() == 200
    # At a pod's end the main container is stopped first, and the proxy goes on taking requests.
    server.signal()
    server.wait_for("draining")
    assert [ask() for _ in range(50)] == [200] * 50
    # Whoever sends another signal does not wait for the delay to pass.
    assert server.insist() == 0
    assert proxy.process.poll() is None
    assert ask() == 502  # by then no load balancer sends any
