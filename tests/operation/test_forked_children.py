"""Tests of processes that the application forks: they keep nothing of the server, and can log."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest
import requests
from client import PATIENCE_SECONDS
from ports import free_port
from server import Server, command

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")

APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""

SLEEPERS = {
    "os.fork": """
        child = os.fork()
        if child == 0:
            signal.pause()
            os._exit(0)
    """,
    "multiprocessing": """
        process = multiprocessing.get_context("fork").Process(target=signal.pause, daemon=False)
        process.start()
        child = process.pid
    """,
    "a C library": """
        child = ctypes.CDLL(None).fork()
        if child == 0:
            signal.pause()
            os._exit(0)
    """,
}
"""Ways to start a process that sleeps, when the application is imported."""


def module(body: str) -> str:
    imports = "import ctypes, multiprocessing, os, signal, sys, time\n"
    return imports + textwrap.dedent(body) + textwrap.dedent(APP)


@pytest.mark.parametrize("how", SLEEPERS)
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_child_that_outlives_the_server_keeps_no_address(folder, how, kind):
    tell = '\nprint(f"child {child}.", file=sys.stderr, flush=True)\n'
    (folder / "forking.py").write_text(module(textwrap.dedent(SLEEPERS[how]) + tell))
    address = f"127.0.0.1:{free_port()}" if kind == "tcp" else "unix:app.sock"
    admin = f"127.0.0.1:{free_port()}"
    listen = (f"--listen={address}", f"--admin-listen={admin}")
    # multiprocessing waits for its child when Python exits; the server does not let it.
    serve = command(*listen, "--graceful-timeout=1", "forking:app")
    children = []
    try:
        for _ in range(2):  # the second one needs what the first one has left
            server = Server(serve, folder)
            try:
                children.append(int(server.wait_for(r"child (\d+)\.")[1]))
                server.wait_for("serving on")
                server.signal(signal.SIGKILL if kind == "unix" else signal.SIGTERM)
                server.process.wait(60)
                os.kill(children[-1], 0)  # it lives
                for place in (address, admin):
                    until_refused(place, folder)
            finally:
                os.kill(children[-1], signal.SIGKILL)
                server.wait()
                server.close()
    finally:
        for child in children:
            with contextlib.suppress(ChildProcessError):  # init has it
                os.waitpid(child, os.WNOHANG)


def until_refused(place: str, folder) -> None:
    """Returns when nobody listens there: the child lets go as soon as it runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not refuses(place, folder):
        assert time.monotonic() < deadline, f"{place} is still listened on"
        time.sleep(0.01)


def refuses(place: str, folder) -> bool:
    """Whether a connection is refused, as it is when nobody listens."""
    if place.startswith("unix:"):
        client, to = socket.socket(socket.AF_UNIX), str(folder / place.removeprefix("unix:"))
    else:
        host, port = place.rsplit(":", 1)
        client, to = socket.socket(), (host, int(port))
    with client:
        client.settimeout(60)
        try:
            client.connect(to)
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        return False


def test_a_child_that_ends_when_the_application_is_imported_ends_as_it_wants(folder):
    body = """
        child = os.fork()
        if child == 0:
            sys.exit(7)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(f"the child ended with {status}", file=sys.stderr)
        sys.exit("as the parent does")
    """
    (folder / "forking.py").write_text(module(body))
    ended = run("--listen=127.0.0.1:0", "forking:app", cwd=folder)
    assert "the child ended with 7" in ended.stderr
    assert ended.returncode == 1
    assert "as the parent does" in ended.stderr


def test_a_module_that_makes_a_daemon_of_the_process_is_served_with_its_log(folder):
    body = """
        if os.fork():
            os._exit(0)
        os.setsid()
        if os.fork():
            os._exit(0)
        print("daemon", os.getpid(), file=sys.stderr, flush=True)
    """
    (folder / "daemon.py").write_text(module(body))
    port, admin = free_port(), free_port()
    listen = (f"--listen=127.0.0.1:{port}", f"--admin-listen=127.0.0.1:{admin}")
    server = Server(command(*listen, "daemon:app"), folder)
    daemon = int(server.wait_for(r"daemon (\d+)")[1])
    try:
        server.wait_for(f"serving on http://127.0.0.1:{port} ")
        assert requests.get(f"http://127.0.0.1:{port}", timeout=60).text == str(daemon)
        assert requests.get(f"http://127.0.0.1:{admin}/readyz", timeout=60).status_code == 200
        os.kill(daemon, signal.SIGTERM)
        server.wait_for(r"INFO stopped\n")
        server.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(daemon, signal.SIGKILL)
        server.close()


CHATTY = """
import os
from flask import Flask, request

flask = Flask(__name__)

@flask.get("/")
def index():
    child = os.fork()
    if child == 0:
        flask.logger.error("from the logger of a child")
        stream = request.environ["wsgi.errors"]
        print("from wsgi.errors of a child", file=stream)
        stream.write("unfinished, and flushed")
        stream.flush()
        os._exit(0)
    os.waitpid(child, 0)
    return "done"

def app(environ, start_response):
    return flask(environ, start_response)
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_a_forked_child_logs_is_written(maitred, folder, form):
    (folder / "chatty.py").write_text(CHATTY)
    server = maitred(f"--log-format={form}", "chatty:app", cwd=folder)
    assert requests.get(server.url, timeout=60).text == "done"
    # The child has ended, and wrote before it did.
    for text in ("from the logger of a child", "from wsgi.errors of a child", "and flushed"):
        server.wait_for(re.escape(text))


LAST_WORDS = """
import os

def app(environ, start_response):
    for number in range(100):
        print("words", number, file=environ["wsgi.errors"])
    environ["wsgi.errors"].flush()
    os._exit(3)
"""


def test_what_was_flushed_has_been_written_when_the_process_ends(folder):
    (folder / "last_words.py").write_text(LAST_WORDS)
    for _ in range(10):
        server = Server(command("--listen=127.0.0.1:0", "last_words:app"), folder)
        try:
            with pytest.raises(requests.ConnectionError):
                requests.get(server.url, timeout=60)
            assert server.wait() == 3
            assert "words 99\n" in server.log
        finally:
            server.close()


def run(*arguments: str, cwd) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def folder(tmp_path):
    """Return a folder to start the server in."""
    assert sys.executable
    return tmp_path
