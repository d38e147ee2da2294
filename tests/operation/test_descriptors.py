"""Tests of the limit of open files: who may use how much of it, and what is left to look."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from admin import Admin
from client import PATIENCE_SECONDS, request
from server import Server, command, end

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")

HERE = Path(__file__).resolve().parent
EXECUTING = ("/fork", "/subprocess", "/spawn", "/multiprocessing")
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: t"


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Callable[..., tuple[Server, Admin]]]:
    """Start a server under `ulimit` with these options, and return its admin listener as well."""
    started: list[Server] = []

    def start(limits: str, *arguments: str) -> tuple[Server, Admin]:
        program = command(
            "--listen=127.0.0.1:0",
            "--admin-listen=127.0.0.1:0",
            "--connection-limit=1000",
            f"--python-path={HERE}",
            *arguments,
            "descriptors_app:app",
        )
        server = Server(["sh", "-c", f'ulimit {limits}; exec "$@"', "sh", *program], cwd=tmp_path)
        started.append(server)
        server.wait_for("serving on ")
        return server, Admin(server)

    yield start
    end(started)


def ask(server: Server, path: str) -> str:
    with server.connect() as connection:
        return connection.ask(request(path)).body.decode()


def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def soft_limit(pid: int | str) -> int:
    limits = Path(f"/proc/{pid}/limits").read_text()
    match = re.search(r"^Max open files +(\d+)", limits, re.MULTILINE)
    assert match, limits
    return int(match[1])


def looks_well(admin: Admin) -> None:
    for _ in range(20):
        assert admin.status("/livez") == 200
        text = admin.ask("/metrics").body.decode()
        assert re.search(r"^process_open_fds\{[^}]*\} [1-9]", text, re.MULTILINE), text
        assert admin.status("/readyz") == 200


@pytest.mark.parametrize("descriptors", [40, 64, 128])
def test_probes_are_answered_while_clients_use_all_descriptors_that_they_may(limited, descriptors):
    server, admin = limited(f"-n {descriptors}")
    with contextlib.ExitStack() as clients:
        for _ in range(descriptors + 100):
            client = clients.enter_context(server.connect())
            # The server may have refused it, and closed.
            with contextlib.suppress(OSError):
                client.send(HALF_A_HEAD)
        looks_well(admin)
        assert f"this process may have {descriptors} files open" in server.log
        possible = admin.metric("maitred_connections_limit")
        assert 1 <= possible < descriptors
        connections = admin.statusz()["connections"]
        assert sum(connections[state] for state in ("idle", "reading")) <= possible
        assert admin.metric('maitred_connections_rejected_total{reason="limit"}') > 0
    # Who comes when they have gone is served.
    admin.until('maitred_connections{state="reading"}', 0)
    assert ask(server, "/") == "hello"


def test_probes_are_answered_while_the_application_has_all_descriptors(limited):
    server, admin = limited("-n 80")
    assert ask(server, "/all") == "24"  # EMFILE
    looks_well(admin)
    assert admin.metric("process_open_fds") >= 79


def test_files_that_nobody_reads_leave_the_application_its_descriptors(limited):
    server, admin = limited("-n 128")
    beginning, end = request("/open")[:-4], request("/open")[-4:]
    with contextlib.ExitStack() as clients:
        first = clients.enter_context(server.connect())
        first.send(beginning)
        status, sent = 200, -1
        while status == 200:
            sent += 1
            client = clients.enter_context(server.connect())
            client.send(request("/file"))
            status = client.read_head().status
        assert (status, sent > 10) == (503, True)
        assert admin.metric('maitred_connections_rejected_total{reason="file_descriptors"}') == 1
        assert first.ask(end).status == 200, "it can still open a file"
        looks_well(admin)
    # Who comes when they have gone is served.
    admin.until('maitred_connections{state="writing"}', 0)
    assert ask(server, "/") == "hello"


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="it reads /proc")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="its subprocess cannot be told to fork")
def test_the_soft_limit_is_raised_and_programs_get_the_old_one(limited):
    server, admin = limited("-S -n 256")
    pid = ask(server, "/pid")
    assert soft_limit(pid) == admin.metric("process_max_fds") > 256
    assert {way: ask(server, way) for way in EXECUTING} == dict.fromkeys(EXECUTING, "256")
    assert "connection-limit is" not in server.log


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="it reads /proc")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="its subprocess cannot be told to fork")
def test_a_supervisor_raises_its_limit_and_each_worker_process_its_own(limited):
    server, _ = limited("-S -n 256", "--workers=2")
    assert soft_limit(server.process.pid) > 256
    assert soft_limit(ask(server, "/pid")) > 256
    assert {way: ask(server, way) for way in EXECUTING} == dict.fromkeys(EXECUTING, "256")


def test_more_workers_than_the_supervisor_has_descriptors_for_are_refused(tmp_path):
    program = command("--listen=127.0.0.1:0", "--workers=300", "descriptors_app:app")
    limited = ["sh", "-c", 'ulimit -n 1024; exec "$@"', "sh", *program]
    server = Server(limited, cwd=tmp_path)
    assert server.wait() == 1
    assert re.search(
        r"error: `workers` is 300, but the supervisor may have 1024 files open, which is enough "
        r"for 2\d\d: .* or lower `workers` \(command line: --workers\)",
        server.log,
    ), server.log


def test_a_worker_without_descriptors_serves_on_while_another_is_replaced(
    limited,
):
    server, admin = limited("-n 80", "--workers=2")

    def workers() -> dict[int, str]:
        return {it["pid"]: it["state"] for it in admin.statusz()["workers"]}

    until(lambda: list(workers().values()) == ["ready"] * 2, "both are ready")
    with server.connect() as connection:
        leaks = int(connection.ask(request("/pid")).body)
        # The next request of the connection is served there, too: nobody else has anything to do.
        assert connection.ask(request("/all")).body == b"24"  # EMFILE
        (other,) = set(workers()) - {leaks}
        os.kill(other, signal.SIGTERM)
        until(lambda: other not in workers(), "the other one is gone")
        assert list(workers().values()) == ["ready"] * 2
        assert leaks in workers()
        assert connection.ask(request("/")).body == b"hello"
    assert "the supervisor is gone" not in server.log


def test_the_admin_listener_of_a_supervisor_answers_while_workers_have_no_descriptors(limited):
    server, admin = limited("-n 64", "--workers=2")
    with contextlib.ExitStack() as clients:
        for _ in range(200):
            client = clients.enter_context(server.connect())
            with contextlib.suppress(OSError):
                client.send(HALF_A_HEAD)
        for _ in range(20):
            assert admin.status("/livez") == admin.status("/readyz") == 200
            text = admin.ask("/metrics").body.decode()
            for worker in "01":
                pattern = rf'^process_open_fds\{{worker="{worker}"\}} [1-9]'
                assert re.search(pattern, text, re.MULTILINE), text
