"""Tests of `maitred top`, in a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest
from client import PATIENCE_SECONDS, request
from gate import WAITS, Gate
from ports import free_port
from server import command

APP = (
    WAITS
    + """

def app(environ, start_response):
    wait_at_the_gate()
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""
)


class Terminal:
    """A program in a terminal of its own, and what it has written to it."""

    def __init__(self, *arguments: str, rows: int = 30, columns: int = 100) -> None:
        self.text = ""
        self._ours, theirs = pty.openpty()
        self.resize(rows, columns)
        self.modes = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.process = subprocess.Popen(
            command(*arguments),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"},
            # The window belongs to the program's terminal, as a shell makes it.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def resize(self, rows: int, columns: int) -> None:
        """Change the size of the window."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, *parts: str) -> None:
        """Read until all of this has been written; spaces are not, where the screen is empty."""
        parts = tuple(part.replace(" ", "") for part in parts)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not all(part in self.plain() for part in parts):
            left = deadline - time.monotonic()
            assert left > 0, f"no {parts} in\n{self.plain()}"
            if select.select([self._ours], [], [], left)[0]:
                self.text += os.read(self._ours, 65536).decode("utf-8", "replace")

    def plain(self) -> str:
        """What was written, without the commands to the terminal and without spaces."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]| ", "", self.text)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def end(self) -> int:
        """Wait for the end of the program, which leaves the terminal as it was."""
        status = None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while status is None:
            assert time.monotonic() < deadline, self.plain()
            if select.select([self._ours], [], [], 0.05)[0]:
                self.text += os.read(self._ours, 65536).decode("utf-8", "replace")
            status = self.process.poll()
        assert termios.tcgetattr(self._theirs) == self.modes
        return status

    def close(self) -> None:
        """Close it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def terminal():
    """Return a function that runs the program in a terminal."""
    opened = []

    def start(*arguments: str, **size: int) -> Terminal:
        opened.append(Terminal(*arguments, **size))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def gate():
    """Return the gate at which the application waits."""
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture
def admin(maitred, gate, project):
    """Start a server, and return the URL of its admin listener while a request waits."""
    folder = project({"waiting.py": APP})
    server = maitred("--admin-listen=127.0.0.1:0", "waiting:app", cwd=folder, env=gate.environ)
    url = server.wait_for(r"probes, metrics and status on (http://\S+)")[1]
    with server.connect() as connection:
        connection.send(request("/orders?secret"))
        gate.await_one()
        yield url
        gate.open()


@pytest.mark.parametrize("quit_by", ["q", "\x1b", "\x03"], ids=["q", "escape", "ctrl-c"])
def test_it_shows_what_runs_until_it_is_told_to_quit(terminal, admin, quit_by):
    top = terminal("top", admin)
    top.until("GET /orders", "What runs: 1 busy, 3 idle", f"at {admin}", "Connections 1 of 100")
    assert "secret" not in top.plain()
    assert "\x1b[?1049h" in top.text
    top.press(quit_by)
    assert top.end() == 0
    assert top.text.rindex("\x1b[?1049l") > top.text.rindex("\x1b[?1049h")


def test_it_follows_the_size_of_the_window_and_scrolls(terminal, admin):
    top = terminal("top", admin, rows=10, columns=40)
    top.until("What runs: 1 busy, 3 idle")
    assert "GILwait" not in top.plain()
    top.resize(40, 120)
    top.until("GIL wait")
    top.press("\x1b[B\x1b[A\x1b[6~\x1b[5~\x1b[H")
    top.press("q")
    assert top.end() == 0


def test_it_says_when_the_server_is_gone_and_goes_on(terminal, maitred):
    server = maitred("--admin-listen=127.0.0.1:0", "maitred.demo:app")
    url = server.wait_for(r"probes, metrics and status on (http://\S+)")[1]
    top = terminal("top", url)
    top.until(f"at {url}")
    assert server.stop() == 0
    top.until(f"no server is there, at {url}")
    top.press("q")
    assert top.end() == 0


def test_where_nobody_is_it_says_so_and_leaves_the_terminal_alone(terminal):
    url = f"http://127.0.0.1:{free_port()}"
    top = terminal("top", url)
    assert top.end() == 1
    assert f"error: no server is there, at {url}: " in top.text
    assert "\x1b" not in top.text


def test_it_needs_a_terminal_and_a_server(run, admin):
    done = run("top", admin)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: `maitred top` needs a terminal; `/statusz` tells the same once\n"
    assert run("top").returncode == 2
