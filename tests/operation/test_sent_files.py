"""A file that the server sends is closed when its last byte has left, by the right thread."""

from __future__ import annotations

import json
import socket
import time

import pytest
from admin import Admin
from client import PATIENCE_SECONDS, Connection, request
from gate import WAITS

LENGTH = 8 << 20
APPLICATION = f"""{WAITS}
import json
import tempfile
import threading

closed = []
threads = {{}}


def note(name):
    threads.setdefault(name, []).append(threading.get_ident())


class Report:
    '''A file that is emptied when it is closed, as one that is written anew for each download.'''

    def __init__(self, name):
        self.name = name
        self.file = tempfile.TemporaryFile()
        self.file.write(b"x" * {LENGTH})
        self.file.seek(0)

    def close(self):
        closed.append(self.name)
        note(self.name)
        self.file.truncate(0)
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)


def app(environ, start_response):
    name = environ["PATH_INFO"]
    if name == "/gate":
        wait_at_the_gate()
    if not name.startswith("/report"):
        body = json.dumps(threads if name == "/threads" else closed).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    note(name)
    start_response("200 OK", [("Content-Length", "{LENGTH}")])
    return environ["wsgi.file_wrapper"](Report(name))
"""


@pytest.fixture
def serving(maitred, gate, tmp_path):
    (tmp_path / "reports.py").write_text(APPLICATION)

    def start(*arguments: str):
        arguments = (*arguments, "--admin-listen=127.0.0.1:0", "reports:app")
        server = maitred(*arguments, cwd=tmp_path, env=gate.environ)
        return server, Admin(server)

    return start


def ask_and_do_not_read(slow: Connection, admin: Admin, path: str, busy: int = 0) -> None:
    """Ask, and return when the worker is done: the rest is the server's own affair."""
    slow.send(request(path))
    slow.socket.recv(1, socket.MSG_PEEK)
    admin.until("maitred_threads_busy", busy)


def until_closed(other: Connection, path: str) -> None:
    """Wait until that file, and no other, has been closed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (closed := json.loads(other.ask(request("/closed")).body)) != [path]:
        assert time.monotonic() < deadline, closed
        time.sleep(0.01)


@pytest.mark.parametrize("threads", [1, 4])
def test_a_close_that_empties_the_file_does_not_cut_a_slow_download(serving, threads):
    server, admin = serving(f"--threads={threads}")
    with server.connect(receive_buffer=8192) as slow, server.connect() as other:
        ask_and_do_not_read(slow, admin, "/report/slow")
        assert other.ask(request("/closed")).body == b"[]"
        assert slow.read().body == b"x" * LENGTH
        until_closed(other, "/report/slow")


def test_a_download_that_the_client_gives_up_is_closed(serving):
    server, admin = serving("--threads=1")
    with server.connect() as other:
        slow = server.connect(receive_buffer=8192)
        ask_and_do_not_read(slow, admin, "/report/given-up")
        slow.reset()
        until_closed(other, "/report/given-up")


def test_a_drain_waits_for_a_slow_download(serving):
    server, admin = serving("--threads=1", "--graceful-timeout=1h")
    with server.connect(receive_buffer=8192) as slow:
        ask_and_do_not_read(slow, admin, "/report/slow")
        server.signal()
        server.wait_for("draining")
        assert slow.read().body == b"x" * LENGTH
        slow.read_end()
        assert server.wait() == 0


def threads_of(other: Connection, path: str) -> list[int]:
    """Return the thread that ran the application for that file, and the one that closed it."""
    return json.loads(other.ask(request("/threads")).body)[path]


def test_a_file_is_closed_by_the_thread_that_ran_the_application(serving, gate):
    server, admin = serving("--threads=4")
    with (
        server.connect() as other,
        server.connect() as held,
        server.connect(receive_buffer=8192) as slow,
    ):
        held.send(request("/gate"))
        gate.await_one()
        ask_and_do_not_read(slow, admin, "/report", busy=1)
        # Another thread falls asleep last, and would be woken first.
        gate.open()
        held.read()
        admin.until("maitred_threads_busy", 0)
        assert slow.read().body == b"x" * LENGTH
        until_closed(other, "/report")
        ran, closed = threads_of(other, "/report")
        assert closed == ran


def test_a_thread_that_serves_another_request_closes_its_file_after_it(serving, gate):
    server, admin = serving("--threads=1")
    with server.connect() as held, server.connect(receive_buffer=8192) as slow:
        ask_and_do_not_read(slow, admin, "/report")
        held.send(request("/gate"))
        gate.await_one()
        assert slow.read().body == b"x" * LENGTH
        gate.open()
        # It had not been closed while the other request was served.
        assert held.read().body == b"[]"
        until_closed(held, "/report")


def test_the_file_of_a_thread_that_is_stuck_is_closed_by_another(serving, gate):
    # Those who ask afterwards are answered within it, too.
    server, admin = serving("--threads=1", "--request-timeout=3s")
    with server.connect() as held, server.connect(receive_buffer=8192) as slow:
        ask_and_do_not_read(slow, admin, "/report")
        held.send(request("/gate"))
        gate.await_one()
        assert slow.read().body == b"x" * LENGTH
        assert held.read().status == 504
        with server.connect() as other:
            until_closed(other, "/report")
            ran, closed = threads_of(other, "/report")
            assert closed != ran
