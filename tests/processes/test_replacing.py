"""Tests of replacing workers: those that hang, and all of them in a reload."""

from __future__ import annotations

import json
import re
import signal
import time

from client import request
from observing import is_running, until

HANGS = """
import ctypes
import os

def hold_the_lock():
    ctypes.PyDLL(None).sleep(600)

def app(environ, start_response):
    if environ["PATH_INFO"] == "/hang":
        hold_the_lock()
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""

VERSION = """
import json
import os

def app(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps({"pid": os.getpid(), "version": VERSION}).encode()]

"""


def test_a_worker_whose_interpreter_hangs_is_killed_with_its_stack_in_the_log(workers, tmp_path):
    (tmp_path / "hangs.py").write_text(HANGS)
    # Without a GIL, nothing that one thread holds stops the others.
    with_gil = {"PYTHON_GIL": "1"}
    server = workers("--workers=2", "--worker-timeout=2", app="hangs:app", env=with_gil)
    pids = set(server.ready().values())
    with server.server.connect() as connection:
        connection.send(request("/hang"))
        server.server.wait_for(
            r"worker-timeout: .* no thread of it gets the interpreter(.|\n)*hold_the_lock"
        )
        hung = server.server.wait_for(r"worker-timeout: .*pid=(\d+)")[1]
        server.server.wait_for("/hang")
    ready = server.until_ready(2, without=int(hung))
    assert len(pids & set(ready.values())) == 1
    metrics = server.metrics()
    assert metrics['maitred_worker_starts_total{worker="supervisor",reason="hung"}'] == 1
    assert metrics['maitred_worker_exits_total{worker="supervisor",how="killed"}'] == 1


def test_sighup_replaces_all_workers_and_new_code_is_served(workers, tmp_path):
    module = tmp_path / "shop.py"
    module.write_text(VERSION + "VERSION = 1\n")
    server = workers("--workers=2", app="shop:app")
    old = set(server.ready().values())
    assert server.ask()["version"] == 1
    module.write_text(VERSION + "VERSION = 22\n")
    server.server.signal(signal.SIGHUP)
    server.server.wait_for("reload complete: 2 replaced")
    until(lambda: not any(map(is_running, old)), "the old workers have ended")
    assert not old & set(server.until_ready(2).values())
    assert [server.ask()["version"] for _ in range(8)] == [22] * 8
    metrics = server.metrics()
    assert metrics['maitred_reloads_total{worker="supervisor",result="complete"}'] == 1
    assert metrics['maitred_workers_short_seconds_total{worker="supervisor"}'] == 0


def test_a_reload_serves_an_application_that_was_found_in_the_files(program, tmp_path):
    (tmp_path / "app.py").write_text(VERSION + "VERSION = 1\n")
    server = program("--listen=127.0.0.1:0", "--supervisor=always", cwd=tmp_path)
    server.wait_for("serving on ")
    (tmp_path / "app.py").write_text(VERSION + "VERSION = 22\n")
    server.signal(signal.SIGHUP)
    server.wait_for("reload complete: 1 replaced")

    def version() -> int:
        with server.connect() as connection:
            return json.loads(connection.ask(request("/")).body)["version"]

    until(lambda: version() == 22, "the new code is served")


def test_a_reload_of_code_that_cannot_be_imported_changes_nothing(workers, tmp_path):
    module = tmp_path / "shop.py"
    module.write_text(VERSION + "VERSION = 1\n")
    server = workers("--workers=2", app="shop:app")
    before = server.ready()
    module.write_text("raise RuntimeError('not today')\n")
    server.server.signal(signal.SIGHUP)
    server.server.wait_for("reload stopped: 0 of 2 replaced")
    assert server.server.log.count("RuntimeError: not today") == 1
    assert server.ready() == before
    assert server.ask()["version"] == 1


def test_a_reload_with_invalid_settings_changes_nothing(workers, tmp_path):
    (tmp_path / "maitred.toml").write_text("threads = 2\n")
    server = workers("--workers=2")
    before = server.ready()
    (tmp_path / "maitred.toml").write_text("threads = 'many'\nqueue-limit = -1\n")
    server.server.signal(signal.SIGHUP)
    server.server.wait_for("reload refused: `queue-limit`")
    server.server.wait_for("reload refused: `threads`")
    assert server.ready() == before


def test_a_service_manager_is_told_of_each_reload_and_of_its_end(
    workers, tmp_path, service_manager
):
    server = workers("--supervisor=always", env={"NOTIFY_SOCKET": service_manager.getsockname()})
    assert service_manager.recv(4096).startswith(b"READY=1\n")
    for settings, end in {
        "threads = 2\n": "complete: 1 replaced",
        "threads = -1\n": "refused: the settings are invalid",
    }.items():
        (tmp_path / "maitred.toml").write_text(settings)
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        server.server.signal(signal.SIGHUP)
        state, when, _ = service_manager.recv(4096).decode().split("\n", 2)
        assert state == "RELOADING=1"
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert before <= int(when.removeprefix("MONOTONIC_USEC=")) <= after
        assert service_manager.recv(4096).decode() == f"READY=1\nSTATUS=reload {end}\n"


def test_a_reload_names_the_changed_settings_that_need_a_restart(workers, tmp_path):
    (tmp_path / "maitred.toml").write_text("threads = 2\nbacklog = 64\n")
    server = workers("--supervisor=always")
    (tmp_path / "maitred.toml").write_text("threads = 3\nbacklog = 65\n")
    server.server.signal(signal.SIGHUP)
    server.server.wait_for("reload complete: 1 replaced")
    assert server.server.log.count("has changed: a restart is needed") == 1
    assert "`backlog` has changed: a restart is needed" in server.server.log


def test_a_reload_takes_new_settings(workers, tmp_path):
    (tmp_path / "maitred.toml").write_text("threads = 2\nworkers = 2\n")
    server = workers()
    (tmp_path / "maitred.toml").write_text("threads = 3\nworkers = 3\n")
    server.server.signal(signal.SIGHUP)
    server.server.wait_for("reload complete: 2 replaced")
    server.until_ready(3)
    until(lambda: [it["threads"]["count"] for it in server.all()] == [3] * 3, "three threads each")


GROWS = """
import json, os

kept = []

def app(environ, start_response):
    if environ["PATH_INFO"] == "/grow":
        kept.append(b"x" * (400 << 20))
    start_response("200 OK", [])
    return [json.dumps({"pid": os.getpid()}).encode()]
"""


def test_a_worker_that_has_grown_beyond_max_rss_is_replaced_and_the_log_says_why(workers, tmp_path):
    (tmp_path / "grows.py").write_text(GROWS)
    server = workers("--max-rss=300MiB", app="grows:app")
    (old,) = server.until_ready(1).values()
    assert server.ask("/grow")["pid"] == old
    server.until_ready(1, without=old)
    told = server.server.wait_for(r"a worker is replaced: `max-rss` (.*)").group(1)
    # It may be seen while the request is still running.
    assert re.match(rf"worker=0 pid={old} requests=[01] ", told)
    assert int(told.partition("resident_bytes=")[2]) > 300 << 20


def test_a_worker_that_has_served_max_requests_is_replaced_and_the_log_says_why(workers):
    server = workers("--max-requests=2", "--max-requests-jitter=0")
    (old,) = server.until_ready(1).values()
    for _ in range(2):
        assert server.ask()["pid"] == old
    server.until_ready(1, without=old)
    server.server.wait_for(rf"is replaced: `max-requests` worker=0 pid={old} requests=2 ")


def test_a_reload_works_with_one_worker_and_keeps_a_running_request(workers, gate):
    server = workers("--supervisor=always")
    (pid,) = server.ready().values()
    with server.server.connect() as connection:
        connection.send(request("/wait"))
        gate.await_one()
        server.server.signal(signal.SIGHUP)
        server.server.wait_for("reload complete: 1 replaced")
        # What comes while the old one retires may still be its.
        until(lambda: server.ask()["pid"] != pid, "the new worker answers")
        gate.open()
        answer = connection.read()
        assert answer.status == 200
        assert json.loads(answer.body)["pid"] == pid
    server.until_ready(1, without=pid)
