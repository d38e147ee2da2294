"""Tests of the supervisor and its workers with real processes and signals."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest
from client import ResponseError, request
from observing import is_running, until
from unmovable import unmovable

TWO = "--workers=2"
HERE = Path(__file__).parent


def test_workers_are_processes_of_their_own_and_know_their_number(workers):
    server = workers(TWO, "--request-id=generate", env={"NOTIFY_SOCKET": "/nonexistent/notify"})
    ready = server.ready()
    assert sorted(ready) == [0, 1]
    answers = {}
    for pid in ready.values():
        with server.connect_to(pid) as connection:
            answers[pid] = json.loads(connection.ask(request("/")).body)
    for number, pid in ready.items():
        answer = answers[pid]
        assert answer["number"] == str(number)
        assert answer["ppid"] == server.server.process.pid
        assert answer["multiprocess"] is True
        assert answer["notify"] is None
        assert answer["argv"][1:] == answers[ready[0]]["argv"][1:]
        assert "workers_app:app" in answer["argv"]
    assert len({answer["hash"] for answer in answers.values()}) == 2
    assert len({answer["request_id"] for answer in answers.values()}) == 2


def test_one_scrape_shows_the_requests_of_all_workers_exactly(workers):
    server = workers(TWO)

    def ask(keeps_alive: bool) -> None:
        connection = server.server.connect()
        for _ in range(25):
            assert connection.ask(request("/")).status == 200
            if not keeps_alive:
                connection.close()
                connection = server.server.connect()
        connection.close()

    clients = [threading.Thread(target=ask, args=(index % 2 == 0,)) for index in range(16)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    requests = ("maitred_requests_total", 'method="GET"', 'code="200"')
    until(lambda: server.sum(*requests) == 16 * 25, "every request is counted")
    assert server.sum("maitred_app_duration_seconds_count") == 16 * 25
    # The last connection of each of these clients has asked nothing.
    accepted = "maitred_connections_accepted_total"
    until(lambda: server.sum(accepted) == 8 + 8 * 26, "every connection is accepted")
    both = [server.sum(*requests, f'worker="{number}"') for number in (0, 1)]
    assert sum(both) == 16 * 25


def test_a_worker_that_is_killed_is_replaced_and_its_counters_stay(workers, gate):
    server = workers(TWO)
    pid = server.ready()[1]
    with server.connect_to(pid) as connection:
        connection.send(unmovable("/wait?secret=1"))
        gate.await_one()
        until(lambda: any(it["running"] for it in server.all()), "the status shows what it runs")
        before = server.metrics()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises((ConnectionError, ResponseError)):
            connection.read()
    ready = server.until_ready(2, without=pid)
    assert ready[1] != pid
    server.server.wait_for(r"a worker process died \(SIGKILL\).*worker=1")
    server.server.wait_for("this request was running when the worker process died.*path=.?/wait")
    assert "secret" not in server.server.log
    after = server.metrics()
    for series, value in before.items():
        if "_total{" in series or "_bucket{" in series or "_count{" in series:
            assert after[series] >= value, series
    assert after['maitred_worker_starts_total{worker="supervisor",reason="crash"}'] == 1
    assert after['maitred_worker_exits_total{worker="supervisor",how="signal"}'] == 1
    assert server.ask()["pid"] in ready.values()


@pytest.mark.parametrize(
    ("path", "status", "how"),
    [("/crash", "SIGSEGV", "signal"), ("/exit", "exit status 3", "status")],
)
def test_a_worker_that_dies_by_itself_is_replaced_and_the_log_says_how(workers, path, status, how):
    server = workers(TWO)
    pid = server.until_ready(2)[0]
    with server.connect_to(pid) as connection:
        connection.send(unmovable(path))
        with pytest.raises((ConnectionError, ResponseError)):
            connection.read()
    server.until_ready(2, without=pid)
    server.server.wait_for(rf"a worker process died \({status}\).*worker=0")
    server.server.wait_for(f"this request was running when the worker process died.*path={path}")
    assert server.metrics()[f'maitred_worker_exits_total{{worker="supervisor",how="{how}"}}'] == 1


def test_no_counter_goes_back_however_often_workers_are_replaced_or_die(workers):
    server = workers(TWO)
    server.until_ready(2)
    before = server.metrics()
    counted = ("_total{", "_bucket{", "_count{", "_sum{")

    def grows() -> None:
        nonlocal before
        for _ in range(5):
            after = server.metrics()
            for series, value in before.items():
                if any(kind in series for kind in counted):
                    assert after.get(series, -1) >= value, series
            before = after

    for turn in range(6):
        for _ in range(20):
            server.ask()
        grows()
        pid = server.ready()[turn % 2]
        # One dies, the next one is replaced.
        os.kill(pid, signal.SIGKILL if turn % 3 else signal.SIGTERM)
        until(lambda pid=pid: grows() or not is_running(pid), "it has ended")
        server.until_ready(2, without=pid)
        grows()


def test_every_connection_and_request_ends_once_when_a_worker_is_killed(workers, gate):
    server = workers(TWO, "--threads=2")
    pid = server.until_ready(2)[1]
    idle = [server.connect_to(pid) for _ in range(3)]
    running = [server.connect_to(pid) for _ in range(2)]
    for connection in running:
        connection.send(unmovable("/wait"))
        gate.await_one()
    until(
        lambda: sum(len(it["running"]) for it in server.all() if it["pid"] == pid) == 2,
        "both run there",
    )
    os.kill(pid, signal.SIGKILL)
    server.until_ready(2, without=pid)
    labels = ('worker="1"', 'method="POST"', 'code="500"')
    assert server.sum("maitred_requests_total", *labels) == 2
    died = server.sum("maitred_connections_closed_total", 'reason="worker_died"')
    assert died == len(idle) + len(running)
    for connection in (*idle, *running):
        connection.close()
    accepted = server.sum("maitred_connections_accepted_total")
    closed = "maitred_connections_closed_total"
    until(lambda: server.sum(closed) == accepted, "every connection has ended once")


def test_a_scrape_shows_what_workers_do_now(workers):
    server = workers(TWO)
    server.until_ready(2)
    connections, exact = [], 0
    for count in range(1, 41):
        connections.append(server.server.connect())
        assert connections[-1].ask(request("/")).status == 200
        exact += server.sum("maitred_connections") == count
    # What workers show by themselves, once a second, would be right by chance only.
    assert exact >= 10
    for connection in connections:
        connection.close()


def test_the_supervisor_shows_the_backlog_of_its_addresses(workers):
    server = workers(TWO, "--backlog=77")
    metrics = server.metrics()
    series = [name for name in metrics if name.startswith("maitred_listen_backlog")]
    assert all('worker="supervisor"' in name for name in series)
    limits = [metrics[name] for name in series if "_limit_" in name]
    assert limits == ([77] if sys.platform == "linux" else [])


@pytest.mark.parametrize("by_worker", ["true", "false"])
def test_metrics_have_a_series_for_each_worker_or_their_sums(workers, by_worker):
    server = workers(TWO, f"--metrics-by-worker={by_worker}")
    server.until_ready(2)
    for _ in range(20):
        server.ask()
    until(lambda: server.sum("maitred_requests_total", 'code="200"') == 20, "all are counted")

    def numbers(name: str) -> set[str]:
        found = (re.match(name + '{worker="(.*?)"', series) for series in server.metrics())
        return {match[1] for match in found if match}

    each = {"0", "1"}
    summed = each if by_worker == "true" else {"all"}
    assert numbers("maitred_requests_total") == summed
    assert numbers("maitred_app_duration_seconds_count") == summed
    assert numbers("maitred_threads_busy_seconds_total") == summed
    assert numbers("process_resident_memory_bytes") == summed
    for name in ("maitred_threads", "maitred_connections", "maitred_worker_generation"):
        assert numbers(name) == each


def test_the_others_answer_while_workers_are_killed_under_load(workers):
    server = workers("--workers=3")
    stop = threading.Event()
    failed: list[BaseException] = []
    answered = [0]

    def ask() -> None:
        while not stop.is_set():
            try:
                server.ask()
                answered[0] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it
                failed.append(error)

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    kills = 5
    try:
        for _ in range(kills):
            pid = server.ready()[2]
            seen = answered[0]
            os.kill(pid, signal.SIGKILL)
            server.until_ready(3, without=pid)
            until(lambda seen=seen: answered[0] > seen, "the others answer")
    finally:
        stop.set()
        for client in clients:
            client.join()
    # Only what the killed process had accepted is lost: at most a connection of each client.
    assert len(failed) <= kills * len(clients), failed
    assert all(isinstance(it, (ConnectionError, ResponseError)) for it in failed), failed
    crashes = 'maitred_worker_starts_total{worker="supervisor",reason="crash"}'
    assert server.metrics()[crashes] == kills


def test_an_application_that_cannot_be_imported_is_told_once_and_ends_the_server(program, tmp_path):
    (tmp_path / "broken.py").write_text("raise RuntimeError('no database')\n")
    server = program("--listen=127.0.0.1:0", "--workers=4", "broken:app", cwd=tmp_path)
    assert server.wait() == 1
    assert server.log.count("RuntimeError: no database") == 1
    assert "serving on" not in server.log


def test_a_max_rss_that_every_worker_exceeds_is_refused_with_its_place(program, tmp_path):
    (tmp_path / "maitred.toml").write_text('workers = 2\n\nmax-rss = "3MiB"\n')
    server = program("--listen=127.0.0.1:0", "maitred.demo:app", cwd=tmp_path)
    assert server.wait() == 1
    message = r"error: `max-rss` is 3 MiB, and a worker process has \d+ MiB before"
    place = r" its first request \(.*maitred\.toml:3\b"
    assert re.search(message + place, server.log), server.log
    assert "serving on" not in server.log


def test_sigterm_lets_requests_in_every_worker_finish(workers, gate):
    server = workers(TWO)
    connections = [server.connect_to(pid) for pid in server.ready().values()]
    for connection in connections:
        connection.send(request("/wait"))
        gate.await_one()
    server.server.signal(signal.SIGTERM)
    server.server.wait_for("draining")
    until(lambda: server.admin.status("/readyz") == 503, "readiness fails")
    assert server.admin.status("/livez") == 200
    gate.open()
    for connection in connections:
        assert connection.read().status == 200
    assert server.server.wait() == 0
    assert "Traceback" not in server.server.log


def test_a_second_sigterm_ends_everything_at_once(workers, gate):
    server = workers(TWO)
    pids = server.ready().values()
    with server.server.connect() as connection:
        connection.send(request("/wait"))
        gate.await_one()
        # Signals of the first half second are the same request, so a few may be needed.
        server.server.insist_until("received again: exiting immediately")
        assert server.server.wait() == 0
    until(lambda: not any(map(is_running, pids)), "no worker is left")


def test_ctrl_c_for_the_whole_group_drains(workers, gate):
    server = workers(TWO)
    pids = list(server.ready().values())
    with server.connect_to(pids[0]) as connection:
        connection.send(request("/wait"))
        gate.await_one()
        for pid in (*pids, server.server.process.pid):
            os.kill(pid, signal.SIGINT)
        server.server.wait_for("draining")
        gate.open()
        assert connection.read().status == 200
    assert server.server.wait() == 0


def test_workers_end_and_the_port_is_free_when_the_supervisor_is_killed(workers, gate):
    server = workers(TWO)
    pids = list(server.ready().values())
    with server.connect_to(pids[0]) as connection:
        connection.send(request("/wait"))
        gate.await_one()
        server.server.process.kill()
        server.server.process.wait()
        server.server.wait_for("the supervisor is gone")

        def is_free() -> bool:
            with socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    listener.bind(server.server.address)
                    listener.listen()
                except OSError:
                    return False
                return True

        until(is_free, "the port is free while a request still runs")
        gate.open()
        assert connection.read().status == 200
    until(lambda: not any(map(is_running, pids)), "no worker is left")


def test_a_worker_that_imports_ends_at_once_when_the_supervisor_is_killed(program, gate, tmp_path):
    (tmp_path / "slow.py").write_text(
        "import os, socket\n"
        "gate = socket.create_connection(('127.0.0.1', int(os.environ['GATE'])))\n"
        "gate.sendall(str(os.getpid()).encode())\n"
        "gate.recv(1)\n"
    )
    server = program("--listen=127.0.0.1:0", TWO, "slow:app", cwd=tmp_path, env=gate.environ)
    gate.await_one()
    pid = int(gate._waiting[0].recv(20))
    assert is_running(pid)
    server.process.kill()
    server.process.wait()
    until(lambda: not is_running(pid), "the worker has ended")


def test_the_admin_listener_answers_while_every_worker_is_stopped(workers):
    server = workers(TWO)
    pids = server.ready().values()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        paths = ["/livez", "/readyz", "/metrics", "/statusz"]
        statuses = [server.admin.status(path) for path in paths * 50]
        assert statuses == [200] * 200
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_worker_that_gets_sigterm_is_replaced_before_it_ends(workers):
    server = workers(TWO)
    pid = server.ready()[0]
    os.kill(pid, signal.SIGTERM)
    server.until_ready(2, without=pid)
    metrics = server.metrics()
    assert metrics['maitred_worker_starts_total{worker="supervisor",reason="asked"}'] == 1
    assert metrics['maitred_worker_exits_total{worker="supervisor",how="retired"}'] == 1
    assert metrics['maitred_workers_short_seconds_total{worker="supervisor"}'] == 0


def test_a_worker_is_replaced_after_max_requests(workers):
    server = workers(TWO, "--max-requests=20", "--max-requests-jitter=0")
    first = server.ready()
    asked = 0
    while set(first.values()) & set(server.ready().values()):
        server.ask()
        asked += 1
        assert asked < 10_000
    server.until_ready(2)
    recycled = 'maitred_worker_starts_total{worker="supervisor",reason="max_requests"}'
    assert server.metrics()[recycled] >= 2
    until(
        lambda: server.sum("maitred_requests_total", 'code="200"') == asked,
        "every request is counted once",
    )


def test_a_single_worker_may_have_a_supervisor(workers):
    server = workers("--supervisor=always")
    assert list(server.ready()) == [0]
    assert server.ask()["ppid"] == server.server.process.pid
