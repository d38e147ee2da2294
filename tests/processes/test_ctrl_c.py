"""Tests of Ctrl-C in a terminal, which reaches every process of the server at the same moment."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from client import request
from gate import WAITS
from observing import is_running, molds, until
from running_workers import Workers
from server import Server, command, end

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")

IN_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

SLOW = (
    WAITS
    + """

if os.environ.get("WHERE") == "import":
    wait_at_the_gate()


def app(environ, start_response):
    wait_at_the_gate()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
)

OF_TERMINALS = (signal.SIGINT, signal.SIGHUP)
"""What a terminal sends to all processes that were started in it."""

NOISE = re.compile(r"Traceback|KeyboardInterrupt|died|killed")


class Terminal:
    """A terminal, and the server that was started in it."""

    def __init__(self, *arguments: str, cwd: Path, env: dict[str, str]) -> None:
        self._ours, theirs = os.openpty()
        program = [sys.executable, "-c", IN_TERMINAL, *command(*arguments)]
        self.server = Server(program, cwd, env, stdin=theirs)
        os.close(theirs)

    def press_ctrl_c(self) -> None:
        """Type it: the kernel sends the signal to the whole group."""
        os.write(self._ours, b"\x03")

    def processes(self) -> set[int]:
        """The processes that it reaches."""
        found = set()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, group = stat.read_text().rsplit(") ", 1)[1].split()[:3]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(group) == self.server.process.pid and state != "Z":
                found.add(int(stat.parent.name))
        return found

    def insist(self) -> int:
        """Press Ctrl-C again and again, as people do, until the server ends; return its status."""
        while self.server.process.poll() is None:
            self.press_ctrl_c()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.process.wait(0.05)
        return self.server.wait()

    def close(self) -> None:
        """Close it."""
        os.close(self._ours)


@pytest.fixture
def terminal(tmp_path, gate) -> Iterator[Callable[..., Terminal]]:
    """Start a server in a terminal of its own, whose application waits at the gate."""
    started: list[Terminal] = []

    def start(*arguments: str, where: str = "request") -> Terminal:
        (tmp_path / "slow.py").write_text(SLOW)
        env = {**gate.environ, "WHERE": where}
        started.append(Terminal(*arguments, "slow:app", cwd=tmp_path, env=env))
        return started[-1]

    yield start
    end([it.server for it in started])
    for it in started:
        it.close()


WAYS = {
    "one process": (("--listen=127.0.0.1:0",), 1),
    "workers": (("--listen=127.0.0.1:0", "--workers=2"), 3),
    "preload": (("--listen=127.0.0.1:0", "--workers=2", "--preload"), 4),
    "dev": (("dev", "--port=0", "--graceful-timeout=1h"), 2),
}


@pytest.mark.parametrize(("arguments", "processes"), WAYS.values(), ids=WAYS)
def test_ctrl_c_in_a_terminal_finishes_what_runs_and_leaves_nothing(
    terminal, gate, arguments, processes
):
    shell = terminal(*arguments)
    server = shell.server
    server.wait_for("serving on ")
    until(lambda: len(shell.processes()) == processes, "it has its processes")
    everybody = shell.processes()
    with server.connect() as client:
        client.send(request("/", host="localhost"))
        gate.await_one()
        shell.press_ctrl_c()
        server.wait_for("SIGINT received: draining")
        gate.open()
        assert client.read().body == b"ok"
    assert server.wait() == 0
    assert not any(map(is_running, everybody))
    assert shell.processes() == set()
    assert not NOISE.search(server.log), server.log
    assert server.log.count("SIGINT received") == 1


@pytest.mark.parametrize("arguments", [way[0] for way in WAYS.values()], ids=WAYS)
def test_ctrl_c_in_a_terminal_during_the_import_ends_with_0_and_leaves_nothing(
    terminal, gate, arguments
):
    shell = terminal(*arguments, where="import")
    gate.await_one()
    everybody = shell.processes()
    # A Python that is about to wait notices the signal at the next one.
    assert shell.insist() == 0
    until(lambda: not any(map(is_running, everybody)), "nothing is left")
    assert shell.processes() == set()
    assert not NOISE.search(shell.server.log), shell.server.log


#: A module that Python imports before everything else. It waits at the gate in the processes that a
#: supervisor starts.
EARLY = """
import os, socket, sys

if sys.orig_argv[-1].startswith("maitred "):
    with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as gate:
        gate.sendall(b"%16d" % os.getpid())
        gate.recv(1)
"""

ANSWERS = """
import json
import os
import signal
import socket
import sys

AT_IMPORT = sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def app(environ, start_response):
    now = sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))
    body = json.dumps({"pid": os.getpid(), "held back": [AT_IMPORT, now]}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

#: Workers wait at the gate as soon as they have been forked.
FORKED = (
    ANSWERS
    + """

def wait_at_the_gate():
    with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as gate:
        gate.sendall(b"%16d" % os.getpid())
        gate.recv(1)


os.register_at_fork(after_in_child=wait_at_the_gate)
"""
)


def interrupted_at_the_gate(gate, processes: int) -> list[int]:
    """Send so many processes what a terminal sends while they wait at the gate; tell which."""
    pids = []
    for _ in range(processes):
        pids.append(int(gate.await_one().recv(16)))
        for number in OF_TERMINALS:
            os.kill(pids[-1], number)
    gate.open()
    return pids


def serving(server: Server) -> Workers:
    """Wait until a server with workers serves."""
    server.wait_for("serving on ")
    return Workers(server)


def check(server, workers: list[int]) -> None:
    """Check that these are the workers, and that they serve as others do."""
    assert sorted(server.until_ready(len(workers)).values()) == sorted(workers)
    answer = server.ask()
    assert answer["pid"] in workers
    assert answer["held back"] == [[], []]
    assert server.server.stop() == 0
    assert not NOISE.search(server.server.log), server.server.log


@pytest.fixture
def starting(program, tmp_path, gate):
    """Start a server, and do not wait until it serves."""

    def start(*arguments: str, **files: str) -> Server:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        listen = ("--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0")
        env = {**gate.environ, "PYTHONPATH": str(tmp_path)}
        return program(*listen, *arguments, "answers:app", cwd=tmp_path, env=env)

    return start


def test_ctrl_c_does_not_end_a_worker_whose_interpreter_has_just_begun(starting, gate):
    server = starting("--workers=2", sitecustomize=EARLY, answers=ANSWERS)
    first = interrupted_at_the_gate(gate, 1)
    second = interrupted_at_the_gate(gate, 1)
    check(serving(server), first + second)


def test_ctrl_c_does_not_end_a_preload_process_whose_interpreter_has_just_begun(starting, gate):
    server = starting("--workers=2", "--preload", sitecustomize=EARLY, answers=ANSWERS)
    pids = interrupted_at_the_gate(gate, 1)
    server = serving(server)
    assert [it["pid"] for it in molds(server)] == pids
    check(server, list(server.until_ready(2).values()))


def test_ctrl_c_does_not_end_a_worker_that_was_just_forked(starting, gate):
    server = starting("--workers=1", "--preload", answers=FORKED)
    pids = interrupted_at_the_gate(gate, 1)
    check(serving(server), pids)
