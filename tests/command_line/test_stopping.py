"""Tests of SIGTERM and SIGINT: requests are finished, and the exit status is 0."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys

import pytest
from client import Connection, request
from server import Server

SLOW = """
import os


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/slow":
        yield b"begun\\n"
        with open(os.environ["GATE"]) as fifo:  # until the test opens the other end
            yield fifo.read().encode()
    yield b"done\\n"
"""


@pytest.fixture
def gate(tmp_path):
    """Return a FIFO at which the request for `/slow` waits, until something is written."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    (tmp_path / "slow.py").write_text(SLOW)
    return path


@pytest.fixture
def slow(maitred, gate, tmp_path):
    """Return a server whose request for `/slow` waits at the gate.

    It may wait there for far longer than the tests wait for the server's end.
    """
    return maitred("--graceful-timeout=1h", "slow:app", cwd=tmp_path, env={"GATE": str(gate)})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_request_is_finished_and_the_status_is_0(slow, gate, number):
    connection = http.client.HTTPConnection(*slow.address, timeout=60)
    connection.request("GET", "/slow")
    response = connection.getresponse()
    assert response.readline() == b"begun\n"
    slow.signal(number)
    slow.wait_for("draining")
    gate.write_text("through the gate\n")
    assert response.read() == b"through the gate\ndone\n"
    assert slow.wait() == 0


def test_a_second_signal_ends_at_once(slow):
    connection = http.client.HTTPConnection(*slow.address, timeout=60)
    connection.request("GET", "/slow")
    assert connection.getresponse().readline() == b"begun\n"
    slow.signal()
    slow.wait_for("draining")
    assert slow.insist() == 0
    assert "SIGTERM received again: exiting immediately" in slow.log


def test_a_volley_of_signals_ends_it_too(slow):
    connection = http.client.HTTPConnection(*slow.address, timeout=60)
    connection.request("GET", "/slow")
    assert connection.getresponse().readline() == b"begun\n"
    assert slow.insist(*[signal.SIGINT, signal.SIGTERM, signal.SIGUSR1] * 20) == 0
    assert slow.log.count("treated as the same request") == 1


@pytest.mark.parametrize("handler", ["ours", "that raises"])
def test_signals_that_come_together_are_one_request_to_stop(maitred, gate, tmp_path, handler):
    if handler == "that raises":
        with (tmp_path / "slow.py").open("a") as module:
            module.write(
                "import signal, sys\n"
                "for number in signal.SIGTERM, signal.SIGINT:\n"
                "    signal.signal(number, lambda *_: sys.exit(0))\n"
            )
    slow = maitred("--graceful-timeout=1h", "slow:app", cwd=tmp_path, env={"GATE": str(gate)})
    connection = http.client.HTTPConnection(*slow.address, timeout=60)
    connection.request("GET", "/slow")
    response = connection.getresponse()
    assert response.readline() == b"begun\n"
    # As GNU timeout does it; stopped meanwhile, so that both are there when it looks.
    slow.signal(signal.SIGSTOP)
    os.waitid(os.P_PID, slow.process.pid, os.WSTOPPED)
    slow.signal(signal.SIGTERM)
    slow.signal(signal.SIGINT)
    slow.signal(signal.SIGCONT)
    if handler == "ours":
        slow.wait_for("SIG(TERM|INT) received: draining")
        slow.wait_for("SIG(TERM|INT) received within 500ms of the first")
    gate.write_text("through the gate\n")
    assert response.read() == b"through the gate\ndone\n"
    assert slow.wait() == 0
    assert "stopping at once" not in slow.log


def test_idle_connections_do_not_keep_it_from_ending(slow):
    with Connection(slow.address) as idle, socket.create_connection(slow.address):
        assert idle.ask(request("/")).status == 200
        slow.signal()
        assert slow.wait() == 0
        idle.read_end()


def test_nobody_can_connect_once_it_has_ended(slow):
    address = slow.address
    assert slow.stop() == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 5)


def test_sigterm_during_a_slow_import_ends_with_0(program, tmp_path):
    (tmp_path / "forever.py").write_text(
        "import sys, time\nprint('importing', file=sys.stderr, flush=True)\ntime.sleep(3600)\n"
    )
    server = program("--listen=127.0.0.1:0", "forever:app", cwd=tmp_path)
    server.wait_for("importing")
    # Python does not notice a signal that arrives just before a call blocks.
    server.insist_until("SIGTERM received before the server started")
    assert server.wait() == 0
    assert "Traceback" not in server.log


def test_the_applications_own_handler_for_sigterm_is_called(maitred, tmp_path):
    (tmp_path / "own.py").write_text(
        "import signal, sys\n"
        "def bye(number, frame):\n"
        "    print('my own handler', file=sys.stderr, flush=True)\n"
        "    previous(number, frame)\n"
        "previous = signal.signal(signal.SIGTERM, bye)\n"
        "from maitred.demo import app\n"
    )
    server = maitred("own:app", cwd=tmp_path)
    assert server.stop() == 0
    assert "my own handler" in server.log


def test_a_thread_of_the_application_that_never_ends_does_not_keep_it_from_ending(
    maitred, tmp_path
):
    (tmp_path / "forever.py").write_text(
        "import threading\n"
        "threading.Thread(target=threading.Event().wait, name='the-forgotten').start()\n"
        "from maitred.demo import app\n"
    )
    server = maitred("--graceful-timeout=3", "forever:app", cwd=tmp_path)
    assert server.stop() == 0
    named = "waiting for threads of the application that are not daemons: the-forgotten\n"
    assert named in server.log
    assert "threads of the application have not ended" in server.log


@pytest.fixture(
    params=["pass", "try: deaf()\n        except BaseException: pass"],
    ids=["runs", "catches whatever is raised"],
)
def endless(request, tmp_path):
    """Return the arguments of a server whose requests never end."""
    (tmp_path / "endless.py").write_text(
        "import atexit, sys\n"
        "atexit.register(lambda: print('at exit', file=sys.stderr))\n"
        "def deaf():\n    while True: pass\n"
        "def app(environ, start_response):\n"
        "    print('begun', file=sys.stderr, flush=True)\n"
        f"    while True:\n        {request.param}\n"
    )
    return "--threads=1", f"--chdir={tmp_path}", "endless:app"


def test_a_request_that_never_ends_does_not_change_the_status(maitred, endless):
    server = maitred("--graceful-timeout=1", *endless)
    with Connection(server.address) as connection:
        connection.send(request("/"))
        server.wait_for("begun")
        assert server.stop() == 0


def test_exit_handlers_run_although_a_request_never_ends(maitred, endless):
    server = maitred("--graceful-timeout=1h", *endless)  # a stop may take longer, then
    with Connection(server.address) as connection:
        connection.send(request("/"))
        server.wait_for("begun")
        server.signal()
        # One signal more, when Python finalizes, ends the process without them.
        server.insist_until("received again: exiting immediately", pause=2)
        assert server.wait() == 0
    assert "stopped, with threads still in the application left=1" in server.log
    assert "at exit" in server.log


def test_a_closed_terminal_drains(slow, gate):
    connection = http.client.HTTPConnection(*slow.address, timeout=60)
    connection.request("GET", "/slow")
    response = connection.getresponse()
    assert response.readline() == b"begun\n"
    slow.signal(signal.SIGHUP)
    slow.wait_for("SIGHUP received: draining")
    gate.write_text("through the gate\n")
    assert response.read() == b"through the gate\ndone\n"
    assert slow.wait() == 0


def test_nohup_survives_a_closed_terminal(program):
    ignoring = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    replaced = "os.execv(sys.executable, [sys.executable, '-m', 'maitred', *sys.argv[1:]])"
    nohup = [sys.executable, "-c", ignoring + replaced]
    server = Server([*nohup, "--listen=127.0.0.1:0", "maitred.demo:app"])
    try:
        server.wait_for("serving on ")
        server.signal(signal.SIGHUP)
        assert http_ok(server.address)
        assert server.stop() == 0
    finally:
        server.close()


def test_a_thread_of_the_application_may_end_in_its_own_time(maitred, tmp_path):
    (tmp_path / "slow.py").write_text(
        "import sys, threading\n"
        "def work():\n"
        "    threading.main_thread().join()\n"
        "    print('the thread has ended', file=sys.stderr)\n"
        "threading.Thread(target=work).start()\n"
        "from maitred.demo import app\n"
    )
    server = maitred("slow:app", cwd=tmp_path)
    assert server.stop() == 0
    assert "the thread has ended" in server.log
    assert "have not ended" not in server.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_the_interpreter_finalizes_does_not_change_the_status(
    maitred, tmp_path, number
):
    os.mkfifo(tmp_path / "gate")
    (tmp_path / "late.py").write_text(
        "import os\n"
        "class Late:\n"
        "    def __del__(self, os=os):\n"
        "        os.write(2, b'finalizing\\n')\n"
        "        os.close(os.open('gate', os.O_RDONLY))  # until the test opens the other end\n"
        "late = Late()\n"
        "from maitred.demo import app\n"
    )
    server = maitred("late:app", cwd=tmp_path)
    server.signal()
    server.wait_for("finalizing")
    server.signal(number)
    gate = os.open(tmp_path / "gate", os.O_RDWR)
    try:
        assert server.wait() == 0
    finally:
        os.close(gate)


def test_other_signals_stay_the_applications(maitred, tmp_path):
    (tmp_path / "own.py").write_text(
        "import signal, sys\n"
        "def handler(number, frame):\n"
        "    print('usr2 arrived', file=sys.stderr, flush=True)\n"
        "signal.signal(signal.SIGUSR2, handler)\n"
        "from maitred.demo import app\n"
    )
    server = maitred("own:app", cwd=tmp_path)
    server.signal(signal.SIGUSR2)
    server.wait_for("usr2 arrived")
    assert http_ok(server.address)


def test_sigusr1_does_not_end_it(maitred):
    server = maitred("maitred.demo:app")
    server.signal(signal.SIGUSR1)
    assert http_ok(server.address)


def http_ok(address) -> bool:
    with Connection(address) as connection:
        return connection.ask(request("/")).status == 200
