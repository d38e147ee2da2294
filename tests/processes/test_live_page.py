"""Tests of the live page of a supervisor: it shows every worker."""

from __future__ import annotations

import contextlib
import json

from client import request


def test_the_supervisors_page_shows_what_runs_in_every_worker(workers, gate):
    running = workers("--workers=2", "--threads=1")
    pids = running.until_ready(2)
    with contextlib.ExitStack() as connections:
        for _ in range(2):
            connection = connections.enter_context(running.server.connect())
            connection.send(request("/wait"))
            gate.await_one()
        page = running.admin.ask("/").body.decode()
        told = json.loads(running.admin.ask("/overview").body)["overview"]
        assert {worker["pid"] for worker in told["workers"]} == set(pids.values())
        for worker in told["workers"]:
            assert [request["path"] for request in worker["running"]] == ["/wait"]
            assert f"Worker {worker['number']}" in page
            assert f"pid {worker['pid']}" in page
        assert page.count("GET /wait") == 2
        assert "2 of 2 workers ready" in page
        stacks = running.admin.ask("/?stacks=1").body.decode()
        for worker in told["workers"]:
            assert f'<pre id="stack-{worker["number"]}"' in stacks
        assert stacks.count("in wait_at_the_gate") == 2
        gate.open()
