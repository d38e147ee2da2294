"""Tests of what a reload changes of the supervisor itself, and of what it must not change."""

from __future__ import annotations

import contextlib
import json
import os
import signal

import pytest
from client import request
from observing import until

GATED = """
import json
import os

from gate import WAITS

exec(WAITS)
if os.path.exists("wait"):
    wait_at_the_gate()

def app(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps({"pid": os.getpid()}).encode()]
"""
"""An application whose import waits at the gate while there is a file of that name."""


class Settings:
    """The settings file of a server, which is changed and reloaded."""

    def __init__(self, folder) -> None:
        self.file = folder / "maitred.toml"

    def write(self, **values) -> None:
        lines = [f"{name.replace('_', '-')} = {json.dumps(it)}\n" for name, it in values.items()]
        self.file.write_text("".join(lines))

    def reload(self, server, **values) -> None:
        """Reload with these settings, and wait until that is complete."""
        self.write(**values)
        before = server.admin.statusz()["supervisor"]["reloads"]
        server.server.signal(signal.SIGHUP)
        status = {}

        def has_ended() -> bool:
            status.update(server.admin.statusz()["supervisor"])
            return status["reloads"] > before and not status["reload"].startswith("running")

        until(has_ended, "the reload has ended")
        assert status["reload"].startswith("complete"), server.server.log


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Return the settings file of the server."""
    return Settings(tmp_path)


def shown(server, name: str):
    """What the status page tells of a setting."""
    return server.admin.statusz()["settings"][name]["value"]


def test_a_stop_after_a_reload_takes_as_long_as_the_new_settings_say(workers, settings):
    settings.write(drain_delay="1h", supervisor="always")
    server = workers()
    settings.reload(server, drain_delay="0s", supervisor="always")
    assert server.server.stop() == 0


def test_workers_are_recycled_as_the_settings_of_a_reload_say(workers, settings):
    settings.write(supervisor="always")
    server = workers()
    settings.reload(server, supervisor="always", max_requests=2, max_requests_jitter=0)
    (old,) = server.until_ready(1).values()
    until(lambda: server.ask()["pid"] != old, "the worker has served its requests")
    server.server.wait_for(rf"is replaced: `max-requests` worker=0 pid={old} ")


def test_the_status_page_shows_the_settings_of_a_reload_but_for_those_that_need_a_restart(
    workers, settings
):
    settings.write(threads=2, backlog=64, supervisor="always")
    server = workers()
    settings.reload(server, threads=3, backlog=65, supervisor="always")
    assert (shown(server, "threads"), shown(server, "backlog")) == (3, 64)
    # It needs one still.
    settings.reload(server, threads=4, backlog=65, supervisor="always")
    assert (shown(server, "threads"), shown(server, "backlog")) == (4, 64)
    told = "`backlog` has changed: a restart is needed"
    server.server.wait_for(f"(?s){told}.*{told}")
    assert server.server.log.count(told) == 2


@pytest.mark.parametrize(("threads", "requests", "named"), [(64, 20, 20), (80, 70, 54)])
def test_requests_of_threads_that_a_reload_has_added_are_counted(
    workers, settings, gate, threads, requests, named
):
    settings.write(threads=2, supervisor="always")
    server = workers()
    settings.reload(server, threads=threads, supervisor="always")
    server.until_ready(1)
    with contextlib.ExitStack() as stack:
        for _ in range(requests):
            stack.enter_context(server.server.connect()).send(request("/wait"))
            gate.await_one()
        (worker,) = json.loads(server.admin.ask("/overview").body)["overview"]["workers"]
        assert (worker["threads"], worker["busy"]) == (threads, requests)
        # Which of more threads than the board has room for take the requests is not said.
        assert named <= len(worker["running"]) <= 64
        (worker,) = server.all()
        assert worker["threads"] == {"count": threads, "busy": requests}
        gate.open()


def test_the_supervisor_logs_as_the_settings_of_a_reload_say(workers, settings):
    settings.write(supervisor="always")
    server = workers()
    settings.reload(server, supervisor="always", log_level="debug", log_format="json")
    settings.reload(server, supervisor="always", log_level="warning")
    server.server.wait_for(r'\{.*"message":"reloading: .*\}\n')
    server.server.wait_for(r'\{.*"message":"worker process started".*\}\n')
    before = server.server.log.count("reloading: ")
    settings.reload(server, supervisor="always", backlog=65)
    server.server.wait_for(r"\n[^{\n]* WARN[^{\n]*`backlog` has changed")
    assert server.server.log.count("reloading: ") == before


def test_a_reload_that_is_refused_does_not_change_the_settings_of_the_one_that_runs(
    workers, settings, gate, tmp_path
):
    (tmp_path / "gated.py").write_text(GATED)
    settings.write(threads=2, workers=2)
    server = workers(app="gated:app")
    (tmp_path / "wait").touch()
    settings.write(threads=3, workers=2)
    server.server.signal(signal.SIGHUP)
    gate.await_one()
    for threads, refused in (5, "another reload runs"), (-1, "reload refused: `threads`"):
        settings.write(threads=threads, workers=2)
        server.server.signal(signal.SIGHUP)
        server.server.wait_for(refused)
    (tmp_path / "wait").unlink()
    gate.open()
    server.server.wait_for("reload complete: 2 replaced")
    until(lambda: [it["threads"]["count"] for it in server.all()] == [3] * 2, "three threads each")
    assert shown(server, "threads") == 3
    assert server.server.log.count("reloading: ") == 1


def test_a_reload_that_fails_changes_no_settings(workers, settings, tmp_path):
    (tmp_path / "gated.py").write_text(GATED)
    settings.write(threads=2, supervisor="always")
    server = workers(app="gated:app")
    (tmp_path / "gated.py").write_text("raise RuntimeError\n")
    settings.write(threads=3, supervisor="always", max_requests=1)
    server.server.signal(signal.SIGHUP)
    server.server.wait_for("reload stopped: 0 of 1 replaced")
    assert shown(server, "threads") == 2
    (tmp_path / "gated.py").write_text(GATED)
    (pid,) = server.ready().values()
    os.kill(pid, signal.SIGKILL)
    server.until_ready(1, without=pid)
    assert [it["threads"]["count"] for it in server.all()] == [2]


def test_a_reload_while_the_server_stops_is_refused(workers, gate, tmp_path, service_manager):
    server = workers("--supervisor=always", env={"NOTIFY_SOCKET": service_manager.getsockname()})
    assert service_manager.recv(4096).startswith(b"READY=1\n")
    with server.server.connect() as connection:
        connection.send(request("/wait"))
        gate.await_one()
        server.server.signal()
        assert service_manager.recv(4096).startswith(b"STOPPING=1\n")
        server.server.signal(signal.SIGHUP)
        server.server.wait_for("reload refused: the server is stopping")
        (tmp_path / "maitred.toml").write_text("threads = -1\n")
        server.server.signal(signal.SIGHUP)
        server.server.wait_for("reload refused: `threads`")
        gate.open()
        assert connection.read().status == 200
    assert server.server.wait() == 0
    assert "reloading: " not in server.server.log
    service_manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        service_manager.recv(4096)


def test_a_refused_reload_does_not_make_a_server_ready_that_starts(
    program, gate, tmp_path, service_manager
):
    (tmp_path / "gated.py").write_text(GATED)
    (tmp_path / "wait").touch()
    (tmp_path / "maitred.toml").write_text('supervisor = "always"\n')
    server = program(
        "--listen=127.0.0.1:0",
        f"--python-path={__file__.rpartition('/processes/')[0]}",
        "gated:app",
        cwd=tmp_path,
        env={**gate.environ, "NOTIFY_SOCKET": service_manager.getsockname()},
    )
    gate.await_one()
    (tmp_path / "maitred.toml").write_text('supervisor = "always"\nthreads = -1\n')
    server.signal(signal.SIGHUP)
    server.wait_for("reload refused: `threads`")
    gate.open()
    assert b"STATUS=serving on " in service_manager.recv(4096)


def test_a_worker_that_was_asked_to_end_is_replaced_once_its_successor_can_start(workers, tmp_path):
    (tmp_path / "gated.py").write_text(GATED)
    server = workers("--supervisor=always", app="gated:app")
    (pid,) = server.ready().values()
    (tmp_path / "gated.py").write_text("raise RuntimeError('not yet')\n")
    os.kill(pid, signal.SIGTERM)
    server.server.wait_for("RuntimeError: not yet")
    (tmp_path / "gated.py").write_text(GATED + "# repaired\n")
    server.until_ready(1, without=pid)
