"""Tests of the live page on the admin listener, while everything else is stuck."""

from __future__ import annotations

import contextlib
import json
import time

from client import PATIENCE_SECONDS, Connection, request

STREAMS = 8
"""The most streams of events."""


def test_200_of_200_probes_are_answered_beside_eight_streams_and_stuck_threads(stuck, gate):
    server, admin = stuck("--threads=2")
    with contextlib.ExitStack() as connections:
        waiting = [connections.enter_context(server.connect()) for _ in range(2)]
        waiting[0].send(request("/wait"))
        gate.await_one()
        waiting[1].send(request("/gil"))
        gate.await_one()
        for _ in range(STREAMS):
            stream = connections.enter_context(Connection(admin.address))
            stream.send(request("/events", host="localhost"))
            assert stream.read_head()["Content-Type"] == "text/event-stream"
        assert admin.ask("/events").status == 503
        assert [admin.status("/livez") for _ in range(200)] == [200] * 200
        page = admin.ask("/").body.decode()
        assert "GET /wait" in page
        assert "GET /gil" in page
        assert "No thread is idle." in page
        gate.open()
        assert [connection.read().status for connection in waiting] == [200, 200]


def test_the_page_shows_no_settings_and_no_query(stuck, gate):
    server, admin = stuck("--threads=1", "--ident=not-to-be-shown")
    with server.connect() as connection:
        connection.send(request("/wait?password=not-to-be-shown"))
        gate.await_one()
        for path in ("/", "/?stacks=1", "/overview"):
            body = admin.ask(path).body.decode()
            assert "/wait" in body
            assert "not-to-be-shown" not in body
        gate.open()
        assert connection.read().status == 200


def test_what_failed_is_told_with_its_worker(maitred, tmp_path):
    from admin import Admin

    (tmp_path / "failing.py").write_text("def app(environ, start_response):\n    1 / 0\n")
    server = maitred("--admin-listen=127.0.0.1:0", "failing:app", cwd=tmp_path)
    admin = Admin(server)
    with server.connect() as connection:
        connection.send(request("/"))
        assert connection.read().status == 500
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (failures := json.loads(admin.ask("/overview").body)["failures"]):
        assert time.monotonic() < deadline, "nothing has failed"
        time.sleep(0.05)
    # And not its response of 500 as well.
    assert [(failure["what"], failure["worker"], failure["count"]) for failure in failures] == [
        ("exception of the application", 0, 1)
    ]
