"""Tests of workers that do not react: what can be saved is, and then they are replaced."""

from __future__ import annotations

import json
import os
import signal
import sys

import pytest
from client import request
from observing import until
from unmovable import keep_busy, unmovable

#: Nobody who only waits for the machine is taken for one that hangs, and what a test sends to one
#: that does arrives before its end.
WORKER_TIMEOUT = "--worker-timeout=5"

#: Nothing that one thread holds stops the others of an interpreter without a GIL.
WITH_GIL = {"PYTHON_GIL": "1"}


@pytest.mark.skipif(sys.platform != "linux", reason="connections are handed over on Linux only")
def test_a_worker_that_hangs_gives_its_work_away_and_answers_the_rest_before_it_is_killed(
    workers, gate
):
    server = workers(
        "--workers=2", "--threads=2", WORKER_TIMEOUT, app="hand_off_app:app", env=WITH_GIL
    )
    server.until_ready(2)
    hung, other = server.ready().values()
    idle = [server.connect_to(hung) for _ in range(20)]
    too_large, arriving = server.connect_to(hung), server.connect_to(hung)
    holding = keep_busy(server, gate, hung, "/hold")
    too_large.send(unmovable("/"))
    arriving.send(unmovable("/")[:20_000])

    answer = holding.read()
    assert answer.status == 504
    for connection in (too_large, arriving):
        answer = connection.read()
        assert (answer.status, answer["retry-after"]) == (503, "1")
    successors = server.until_ready(2, without=hung)
    assert other in successors.values()
    # None of these was closed: the other worker has had them since before.
    answered = {json.loads(it.ask(request("/")).body)["pid"] for it in idle}
    assert answered <= set(successors.values())
    log = server.server.wait_for(
        r"worker-timeout: .* no thread of it gets the interpreter(.|\n)*hold_the_gil"
    )
    assert "GET /hold" in log[0]
    for connection in (*idle, too_large, arriving, holding):
        connection.close()

    metrics = server.metrics()
    assert metrics['maitred_worker_starts_total{worker="supervisor",reason="hung"}'] == 1
    assert server.sum("maitred_requests_total", 'code="504"') == 1
    assert server.sum("maitred_requests_total", 'code="503"') == 2
    assert server.sum("maitred_requests_total", 'code="500"') == 0
    assert server.sum("maitred_connections_rejected_total", 'reason="worker_hung"') == 2
    accepted = server.sum("maitred_connections_accepted_total")
    closed = "maitred_connections_closed_total"
    until(lambda: server.sum(closed) == accepted, "every connection has ended once")


@pytest.mark.skipif(sys.platform != "linux", reason="there is no signal to spare elsewhere")
def test_the_status_page_shows_the_stacks_of_all_workers_also_of_one_that_hangs(workers, gate):
    server = workers("--workers=2", "--threads=2", app="hand_off_app:app", env=WITH_GIL)
    server.until_ready(2)
    hung, other = server.ready().values()
    waiting = server.connect_to(other)
    waiting.send(unmovable("/wait"))
    assert int(gate.await_one().recv(16)) == other

    def shown() -> bool:
        # A worker that the machine lets wait is shown without.
        status = json.loads(server.admin.ask("/statusz?stacks=1").body)
        stacks = {it["pid"]: it["stacks"] for it in status["workers"]}
        found = stacks[hung].count("in hold_the_gil"), stacks[other].count("in wait")
        assert max(found) <= 1, stacks
        return found == (1, 1)

    with keep_busy(server, gate, hung, "/hold"), waiting:
        for _ in range(2):  # the second time does not show what was there the first time
            until(shown, "each stack is shown once")
        assert all("stacks" not in it for it in server.all())
        gate.open()
        assert waiting.read().status == 200


def test_a_single_worker_that_hangs_answers_what_waits_before_it_is_killed(workers, gate):
    server = workers(
        "--supervisor=always", "--threads=1", WORKER_TIMEOUT, app="hand_off_app:app", env=WITH_GIL
    )
    (pid,) = server.until_ready(1).values()
    waiting = server.connect_to(pid)
    with keep_busy(server, gate, pid, "/hold") as holding, waiting:
        waiting.send(request("/"))
        assert holding.read().status == 504
        assert waiting.read().status == 503
    (successor,) = server.until_ready(1, without=pid).values()
    assert server.ask()["pid"] == successor


def test_a_single_worker_that_is_held_by_a_call_accepts_and_answers_by_its_limits(workers, gate):
    server = workers(
        "--supervisor=always",
        "--threads=2",
        "--queue-timeout=1",
        app="hand_off_app:app",
        env=WITH_GIL,
    )
    (pid,) = server.until_ready(1).values()
    waiting = server.connect_to(pid)
    with keep_busy(server, gate, pid, "/hold") as holding, waiting:
        waiting.send(request("/"))
        assert waiting.read().status == 503
        with server.server.connect() as connection:
            connection.send(request("/"))
            assert connection.read().status == 503
        gate.open()
        assert holding.read().status == 200


def test_a_worker_whose_threads_are_all_stuck_is_replaced(workers, gate):
    # Those who ask in order to find it are answered within it, too.
    server = workers("--workers=2", "--threads=1", "--request-timeout=3", WORKER_TIMEOUT)
    server.until_ready(2)
    stuck, other = server.ready().values()
    # The thread, and the only replacement that it gets.
    for _ in range(2):
        with server.connect_to(stuck) as connection:
            connection.send(unmovable("/wait"))
            assert connection.read().status == 504
    server.server.wait_for("a worker process is killed.*because all its threads are stuck")
    successors = server.until_ready(2, without=stuck)
    assert other in successors.values()
    metrics = server.metrics()
    assert metrics['maitred_worker_starts_total{worker="supervisor",reason="hung"}'] == 1
    # They were answered and counted when they timed out, and not again when the process died.
    assert server.sum("maitred_requests_total", 'code="504"') == 2
    assert server.sum("maitred_requests_total", 'code="500"') == 0


def test_a_server_whose_only_worker_has_but_stuck_threads_is_not_ready_until_it_is_replaced(
    workers, gate
):
    # Nobody but the test ends the worker: it is not ready until then, however late somebody looks.
    server = workers(
        "--supervisor=always", "--threads=1", "--request-timeout=1", "--worker-timeout=1h"
    )
    (stuck,) = server.until_ready(1).values()
    for _ in range(2):
        with server.server.connect() as connection:
            connection.send(request("/wait"))
            assert connection.read().status == 504
    until(lambda: server.admin.ask("/readyz").body == b"all threads are stuck\n", "nobody is ready")
    os.kill(stuck, signal.SIGKILL)
    server.until_ready(1, without=stuck)
    until(lambda: server.admin.status("/readyz") == 200, "the successor is ready")
