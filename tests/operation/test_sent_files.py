"""A file that the server sends is closed when its last byte has left, and not before."""

from __future__ import annotations

import socket
import time

import pytest
from admin import Admin
from client import PATIENCE_SECONDS, Connection, request

LENGTH = 8 << 20
APPLICATION = f"""
import tempfile

closed = []


class Report:
    '''A file that is emptied when it is closed, as one that is written anew for each download.'''

    def __init__(self, name):
        self.name = name
        self.file = tempfile.TemporaryFile()
        self.file.write(b"x" * {LENGTH})
        self.file.seek(0)

    def close(self):
        closed.append(self.name)
        self.file.truncate(0)
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)


def app(environ, start_response):
    name = environ["PATH_INFO"]
    if name == "/closed":
        body = repr(closed).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    start_response("200 OK", [("Content-Length", "{LENGTH}")])
    return environ["wsgi.file_wrapper"](Report(name))
"""


@pytest.fixture
def serving(maitred, tmp_path):
    (tmp_path / "reports.py").write_text(APPLICATION)

    def start(*arguments: str):
        server = maitred(*arguments, "--admin-listen=127.0.0.1:0", "reports:app", cwd=tmp_path)
        return server, Admin(server)

    return start


def ask_and_do_not_read(slow: Connection, admin: Admin, path: str) -> None:
    """Ask, and return when the worker is done: the rest is the server's own affair."""
    slow.send(request(path))
    slow.socket.recv(1, socket.MSG_PEEK)
    admin.until("maitred_threads_busy", 0)


def until_closed(other: Connection, path: str) -> None:
    """Wait until that file, and no other, has been closed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (closed := other.ask(request("/closed")).body) != repr([path]).encode():
        assert time.monotonic() < deadline, closed
        time.sleep(0.01)


@pytest.mark.parametrize("threads", [1, 4])
def test_a_close_that_empties_the_file_does_not_cut_a_slow_download(serving, threads):
    server, admin = serving(f"--threads={threads}")
    with server.connect(receive_buffer=8192) as slow, server.connect() as other:
        ask_and_do_not_read(slow, admin, "/slow")
        assert other.ask(request("/closed")).body == b"[]"
        assert slow.read().body == b"x" * LENGTH
        until_closed(other, "/slow")


def test_a_download_that_the_client_gives_up_is_closed(serving):
    server, admin = serving("--threads=1")
    with server.connect() as other:
        slow = server.connect(receive_buffer=8192)
        ask_and_do_not_read(slow, admin, "/given-up")
        slow.reset()
        until_closed(other, "/given-up")


def test_a_drain_waits_for_a_slow_download(serving):
    server, admin = serving("--threads=1", "--graceful-timeout=1h")
    with server.connect(receive_buffer=8192) as slow:
        ask_and_do_not_read(slow, admin, "/slow")
        server.signal()
        server.wait_for("draining")
        assert slow.read().body == b"x" * LENGTH
        slow.read_end()
        assert server.wait() == 0
