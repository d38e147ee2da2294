"""Tests for every system for which a wheel is built. They need only pytest."""

from __future__ import annotations

import hashlib
import http.client
import importlib.metadata
import os
import socket
import sys
import sysconfig
import threading

import maitred
import pytest
from gate import WAITS, Gate

APPLICATION = (
    WAITS
    + """
import hashlib
import tempfile


def app(environ, start_response):
    path = environ["PATH_INFO"]
    fields = [("Content-Type", "text/plain")]
    if path == "/digest":
        digest = hashlib.sha256()
        while block := environ["wsgi.input"].read(65536):
            digest.update(block)
        start_response("200 OK", fields)
        return [digest.hexdigest().encode()]
    if path == "/file":
        file = tempfile.TemporaryFile()
        file.write(b"0123456789abcdef" * 100_000)
        file.seek(16)
        start_response("200 OK", fields)
        return environ["wsgi.file_wrapper"](file)
    if path == "/slow":
        wait_at_the_gate()
    start_response("200 OK", fields)
    return [path.encode("latin-1")]
"""
)

CONNECTIONS = 600
"""More than the 512 at which servers built on `select` end on Windows."""


@pytest.fixture
def gate():
    """Return the gate at which a request for `/slow` waits."""
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture
def served(maitred, gate, tmp_path):
    """Return a running server of `APPLICATION`, which may have as many files open as we may."""
    allow_descriptors(CONNECTIONS + 100)
    (tmp_path / "every.py").write_text(APPLICATION)
    limit = f"--connection-limit={CONNECTIONS + 10}"
    return maitred("every:app", limit, cwd=tmp_path, env=gate.environ)


@pytest.fixture
def slow(served, gate):
    """Return a connection whose request has begun and waits at the gate."""
    connection = http.client.HTTPConnection(*served.address, timeout=60)
    connection.request("GET", "/slow")
    gate.await_one()
    return connection


def get(address, path="/"):
    connection = http.client.HTTPConnection(*address, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


def test_module_distribution_and_program_have_one_version(program):
    told = program("--version")
    assert told.wait() == 0
    # Cargo and Python spell the version of a development state differently.
    assert maitred.__version__ in told.output.replace("-dev.", ".dev")
    assert maitred.__version__ == importlib.metadata.version("maitred")


def test_a_free_threaded_interpreter_stays_so():
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        assert not sys._is_gil_enabled()


def test_an_application_is_served_by_the_program(served):
    assert get(served.address, "/here") == (200, b"/here")


def test_an_application_is_served_by_a_python_program():
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [threading.current_thread().name.encode()]

    with maitred.create_server(app, listen="127.0.0.1:0", _quiet=True) as server:
        address = (server.effective_host, int(server.effective_port))
        status, name = get(address)
    assert (status, name.startswith(b"maitred-")) == (200, True)
    with pytest.raises(OSError):
        socket.create_connection(address, timeout=60)


def test_a_socket_of_the_program_is_served(tmp_path):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["SERVER_PORT"].encode()]

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        with maitred.create_server(app, sockets=[listening], _quiet=True):
            assert get(("127.0.0.1", port)) == (200, str(port).encode())


def test_the_socket_that_a_server_gives_is_the_one_it_listens_at():
    server = maitred.create_server(lambda *_: [], listen="127.0.0.1:0", _quiet=True)
    given = server.socket
    assert given.getsockname() == (server.effective_host, int(server.effective_port))
    server.close()
    assert given.fileno() == -1


@pytest.mark.parametrize("size", [0, 1000, 600_000, 5_000_000])
def test_a_body_arrives_whole_whether_it_fits_into_memory_or_not(served, size):
    body = bytes(at % 251 for at in range(size))
    connection = http.client.HTTPConnection(*served.address, timeout=60)
    connection.request("POST", "/digest", body)
    assert connection.getresponse().read().decode() == hashlib.sha256(body).hexdigest()


def test_a_file_is_sent_from_its_position_on(served):
    assert get(served.address, "/file") == (200, b"0123456789abcdef" * 99_999)


def test_six_hundred_connections_are_served_at_once(served):
    connections = [
        http.client.HTTPConnection(*served.address, timeout=60) for _ in range(CONNECTIONS)
    ]
    for number, connection in enumerate(connections):
        connection.request("GET", f"/{number}")
    for number, connection in enumerate(connections):
        assert connection.getresponse().read() == f"/{number}".encode()
    for connection in connections:
        connection.close()


def test_an_idle_server_that_is_asked_to_end_does_so_with_status_0(served):
    connection = http.client.HTTPConnection(*served.address, timeout=60)
    connection.request("GET", "/")
    connection.getresponse().read()
    served.signal()
    assert served.wait() == 0


def test_a_running_request_is_finished_when_the_server_is_asked_to_end(served, gate, slow):
    served.signal()
    served.wait_for("received: draining")
    gate.open()
    assert slow.getresponse().read() == b"/slow"
    assert served.wait() == 0


def test_a_server_that_is_asked_twice_ends_at_once(served, slow):
    served.signal()
    served.wait_for("received: draining")
    assert served.insist() == 0
    assert "received again" in served.log


def test_a_port_that_is_taken_is_refused_and_named(served, program):
    port = served.address[1]
    second = program(f"--listen=127.0.0.1:{port}", "maitred.demo:app")
    assert second.wait() == 1
    assert f"cannot listen on 127.0.0.1:{port}: address already in use" in second.log


def test_a_unix_socket_is_served_or_refused_with_the_reason(program, tmp_path):
    socket = f"--unix-socket={tmp_path / 'web.sock'}"
    server, check = (
        program(socket, "maitred.demo:app"),
        program("check", socket, "maitred.demo:app"),
    )
    if os.name == "posix":
        server.wait_for("serving on unix:")
        assert check.wait() == 0
    else:
        for refused in server, check:
            assert refused.wait() == 2
            assert "Unix sockets are not available on Windows" in refused.log


def allow_descriptors(wanted):
    """Where the system has a limit, ask for more: for us, and for what we start."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        soft = max(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
