"""Tests of signals that operators of other servers send: none of them kills or stops this one."""

from __future__ import annotations

import os
import re
import signal
import sys

import pytest
from client import request
from server import Server, command

UNSUPPORTED = ["SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGWINCH"]

TELLS = """
import os, signal

HANDLERS = [str(signal.getsignal(getattr(signal, name))) for name in %r]

def app(environ, start_response):
    start_response("200 OK", [])
    return [f"{os.getpid()} {HANDLERS}".encode()]
"""


def body(server) -> bytes:
    with server.connect() as connection:
        return connection.ask(request("/")).body


@pytest.mark.parametrize("supervisor", ["never", "always"])
def test_a_signal_of_another_server_is_logged_and_changes_nothing(maitred, supervisor):
    server = maitred(f"--supervisor={supervisor}", "maitred.demo:app")
    for name in UNSUPPORTED:
        server.signal(signal.Signals[name])
        server.wait_for(f"{name} received, which is not supported: (for|to) ")
    server.signal(signal.SIGUSR1)
    assert body(server)
    assert server.log.count("not supported") == len(UNSUPPORTED)


def test_a_worker_process_survives_them_too(maitred, tmp_path):
    (tmp_path / "tells.py").write_text(TELLS % UNSUPPORTED)
    server = maitred("--supervisor=always", "tells:app", cwd=tmp_path)
    pid = int(body(server).split()[0])
    for name in ("SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU"):
        os.kill(pid, signal.Signals[name])
    server.wait_for("SIGTTOU received, which is not supported")
    assert int(body(server).split()[0]) == pid


@pytest.mark.parametrize(
    "own",
    [
        "import signal; signal.signal(signal.SIGUSR1, lambda *_: print('own', file=sys.stderr))",
        "import faulthandler; faulthandler.register(signal.SIGUSR1)",
    ],
    ids=["python", "c"],
)
def test_a_handler_from_before_the_start_stays(own):
    # What `sitecustomize` or a program around the server does.
    program = f"import signal, sys; {own}; from maitred.runner import run; sys.exit(run())"
    server = Server([sys.executable, "-c", program, "--listen=127.0.0.1:0", "maitred.demo:app"])
    try:
        server.wait_for("serving on ")
        server.signal(signal.SIGUSR1)
        server.wait_for("own|most recent call first")
        assert server.stop() == 0
    finally:
        server.close()


def test_an_embedding_program_keeps_the_default_actions(tmp_path):
    program = (
        "import os, signal, threading\n"
        "import maitred\n"
        f"names = {['SIGUSR1', *UNSUPPORTED]!r}\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    handlers = {signal.getsignal(getattr(signal, name)) for name in names}\n"
        "    return [str(handlers == {signal.SIG_DFL}).encode()]\n"
        "maitred.serve(app, listen='127.0.0.1:0')\n"
    )
    (tmp_path / "embedding.py").write_text(program)
    server = Server(
        [
            sys.executable,
            "-c",
            "import logging; logging.basicConfig(level='INFO'); "
            "import runpy; runpy.run_path('embedding.py')",
        ],
        cwd=tmp_path,
    )
    try:
        server.wait_for("serving on ")
        assert body(server) == b"True"
        assert server.stop() == 0
    finally:
        server.close()


def test_a_server_in_the_background_of_its_terminal_is_not_stopped_by_reading_it(tmp_path):
    # The system sends SIGTTIN again and again while the read is tried again, unless it is ignored.
    (tmp_path / "reads.py").write_text(
        "import os\n"
        "def app(environ, start_response):\n"
        "    try:\n"
        "        outcome = repr(os.read(0, 1))\n"
        "    except OSError as error:\n"
        "        outcome = error.strerror\n"
        "    start_response('200 OK', [])\n"
        "    return [outcome.encode()]\n"
    )
    ours, theirs = os.openpty()
    # A session whose terminal this is, in which the server is a group of the background.
    session = (
        "import fcntl, os, signal, subprocess, sys, termios\n"
        "os.setsid()\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "signal.signal(signal.SIGTERM, lambda *_: server.terminate())\n"
        "server = subprocess.Popen(sys.argv[1:], preexec_fn=os.setpgrp)\n"
        "sys.exit(server.wait())\n"
    )
    session = [sys.executable, "-c", session]
    server = Server(
        [*session, *command("--listen=127.0.0.1:0", "reads:app")], cwd=tmp_path, stdin=theirs
    )
    try:
        assert body(server) == b"Input/output error"
        server.wait_for("SIGTTIN received")
        assert server.stop() == 0
        assert len(re.findall("SIGTTIN received", server.log)) == 1
    finally:
        os.close(theirs)
        os.close(ours)
        server.close()
