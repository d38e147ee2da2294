"""Tests of probes, metrics and status while everything else is stuck."""

from __future__ import annotations

import contextlib
import time

from client import PATIENCE_SECONDS, request

PATHS = ["/livez", "/startupz", "/readyz", "/metrics", "/statusz"]


def test_everything_is_answered_while_c_code_holds_the_interpreters_lock(stuck, gate):
    server, admin = stuck("--threads=1")
    with server.connect() as connection:
        connection.send(request("/gil"))
        gate.await_one()
        # It says that it waits just before it takes the lock for good.
        thread = admin.until_thread(lambda thread: thread["stack"].startswith("not available: "))
        assert thread["stack"].startswith("not available: the interpreter is busy")
        assert thread["request"]["path"] == "/gil"
        for _ in range(20):
            assert [admin.status(path) for path in PATHS] == [200] * 5
        gate.open()
        assert connection.read().status == 200


def test_the_stack_of_a_thread_that_waits_names_the_line(stuck, gate):
    server, admin = stuck("--threads=1")
    with server.connect() as connection:
        connection.send(request("/wait"))
        gate.await_one()
        thread = admin.until_thread(lambda thread: "gate.recv(1)" in thread["stack"])
        assert thread["request"]["path"] == "/wait"
        assert "stack" not in admin.statusz()["threads"][0]
        gate.open()
        assert connection.read().status == 200


def test_the_stacks_of_all_threads_that_serve_are_shown_wherever_they_are_in_the_list(stuck, gate):
    server, admin = stuck("--threads=4")
    with contextlib.ExitStack() as connections:
        for serving in range(1, 5):
            connection = connections.enter_context(server.connect())
            connection.send(request("/wait"))
            gate.await_one()
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                threads = admin.statusz("?stacks=1")["threads"]
                stacks = [thread["stack"] for thread in threads if "request" in thread]
                if sum("gate.recv(1)" in stack for stack in stacks) == serving:
                    break
                assert time.monotonic() < deadline, threads
                time.sleep(0.01)
            assert len(stacks) == serving
            assert sum("stack" in thread for thread in threads) == serving


def test_everything_is_answered_while_the_queue_and_the_connections_are_full(stuck, gate):
    server, admin = stuck("--threads=1", "--queue-limit=1", "--connection-limit=2")
    with server.connect() as runs, server.connect() as waits:
        runs.send(request("/wait"))
        gate.await_one()
        waits.send(request("/"))
        admin.until("maitred_queue_requests", 1)
        with server.connect() as refused:
            response = refused.read()
            assert (response.status, response["Retry-After"]) == (503, "1")
        assert [admin.status(path) for path in PATHS] == [200] * 5
        assert admin.metric('maitred_connections_rejected_total{reason="limit"}') == 1
        gate.open()
        assert runs.read().status == waits.read().status == 200


def test_status_shows_settings_with_their_origins(stuck):
    _, admin = stuck("--threads=3")
    status = admin.statusz()
    assert status["settings"]["threads"] == {"value": 3, "origin": "command line: --threads"}
    assert status["settings"]["backlog"]["origin"] == "default"
    assert status["state"] == "ready"
    assert len(status["threads"]) == 3


def test_probes_tell_a_slow_start_from_a_dead_process(program, tmp_path):
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        "while not pathlib.Path('go').exists():\n"
        "    time.sleep(0.01)\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'hello']\n"
    )
    from admin import Admin

    server = program("--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "slow:app", cwd=tmp_path)
    admin = Admin(server)
    assert [admin.status(path) for path in PATHS] == [200, 503, 503, 200, 200]
    (tmp_path / "go").touch()
    server.wait_for("serving on ")
    assert [admin.status(path) for path in PATHS] == [200] * 5


def test_a_unix_socket_will_do(maitred, tmp_path):
    from client import Connection

    path = tmp_path / "admin.sock"
    maitred(f"--admin-listen=unix:{path}", "maitred.demo:app")
    with Connection(str(path)) as connection:
        connection.send(request("/readyz", host="localhost"))
        assert connection.read().body == b"ok\n"
