"""Tests of `maitred reload` and `maitred status`: what an operator asks of a running server."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import threading

import pytest
from ports import free_port
from server import command

VERSION = """
import os

def app(environ, start_response):
    start_response("200 OK", [])
    return [f'{{"pid": {os.getpid()}, "version": {VERSION}}}'.encode()]

"""


def run(*arguments: str, **how) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAITRED")}
    return subprocess.run(
        command(*arguments),
        env=clean,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **how,
    )


@pytest.fixture
def shop(tmp_path):
    """Return the file of an application, and write its first version."""
    path = tmp_path / "shop.py"
    path.write_text(VERSION + "VERSION = 1\n")
    return path


def admin_of(server) -> str:
    return server.server.wait_for(r"probes, metrics and status on (http://\S+)")[1]


def test_a_reload_is_waited_for_and_says_what_it_has_done(workers, shop, tmp_path):
    port = free_port()
    settings = tmp_path / "maitred.toml"
    settings.write_text(f'admin-listen = "127.0.0.1:{port}"\n')
    server = workers("--workers=2", f"--admin-listen=127.0.0.1:{port}", app="shop:app")
    old = server.ready()
    shop.write_text(VERSION + "VERSION = 22\n")
    done = run("reload", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "reload complete: 2 replaced\n"), done.stderr
    server.until_ready(2)
    assert not set(old.values()) & set(server.ready().values())
    assert server.ask()["version"] == 22


def test_a_reload_that_fails_says_so_and_where_to_look(workers, shop):
    server = workers("--supervisor=always", app="shop:app")
    before = server.ready()
    shop.write_text("raise RuntimeError('not today')\n")
    done = run("reload", admin_of(server))
    assert done.returncode == 1
    wanted = "error: reload stopped: 0 of 1 replaced; the log of the server says why\n"
    assert done.stderr == wanted
    server.server.wait_for("not today")
    assert server.ready() == before


def test_a_reload_of_a_server_that_waits_for_a_repair_says_that_nothing_is_served(program, shop):
    shop.write_text("raise RuntimeError('not today')\n")
    port = free_port()
    admin = f"--admin-listen=127.0.0.1:{port}"
    server = program("--reload", "--listen=127.0.0.1:0", admin, "shop:app", cwd=shop.parent)
    server.wait_for("nothing is served until the code changes")
    done = run("reload", f"127.0.0.1:{port}")
    wanted = "error: reload failed: the first worker cannot start; the log of the server says why\n"
    assert (done.returncode, done.stderr) == (1, wanted)
    server.wait_for("(?s)RuntimeError: not today.*RuntimeError: not today")
    assert server.log.count("RuntimeError: not today") == 2


def test_a_reload_with_invalid_settings_is_refused(workers, tmp_path):
    (tmp_path / "maitred.toml").write_text("threads = 2\n")
    server = workers("--supervisor=always")
    (tmp_path / "maitred.toml").write_text("threads = 'many'\n")
    done = run("reload", admin_of(server))
    assert done.returncode == 1
    assert "refused: the settings are invalid; the log of the server says why" in done.stderr
    server.server.wait_for("reload refused: `threads`")


def test_a_reload_to_more_workers_than_there_are_descriptors_for_is_refused(workers, tmp_path):
    settings = tmp_path / "maitred.toml"
    settings.write_text("workers = 2\n")
    server = workers()
    supervisor = server.server.process.pid
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (100, 100))
    settings.write_text("workers = 40\n")
    done = run("reload", admin_of(server))
    assert done.returncode == 1
    told = r"reload refused: `workers` is 40, but the supervisor may have 100 files open, "
    server.server.wait_for(told + r"which is enough for \d+: .*maitred\.toml")
    settings.write_text("workers = 3\n")
    assert run("reload", admin_of(server)).stdout.startswith("reload complete")


def test_a_second_reload_is_refused_while_one_runs(workers, tmp_path):
    (tmp_path / "slow.py").write_text(
        "import os, pathlib, time\n"
        "first = not pathlib.Path('again').exists()\n"
        "while not first and not pathlib.Path('go').exists():\n"
        "    time.sleep(0.01)\n"
        "from maitred.demo import app\n"
    )
    server = workers("--supervisor=always", app="slow:app")
    (tmp_path / "again").touch()
    first: list[subprocess.CompletedProcess[str]] = []
    thread = threading.Thread(target=lambda: first.append(run("reload", admin_of(server))))
    thread.start()
    try:
        server.server.wait_for("reloading: ")
        second = run("reload", admin_of(server))
    finally:
        (tmp_path / "go").touch()
        thread.join()
    assert second.returncode == 1
    assert second.stderr == "error: a reload is running: 0 of 1 replaced already\n"
    assert first[0].returncode == 0, first[0].stderr


def test_a_server_without_a_supervisor_is_not_signalled(maitred):
    server = maitred("--admin-listen=127.0.0.1:0", "maitred.demo:app")
    admin = server.wait_for(r"probes, metrics and status on (http://\S+)")[1]
    done = run("reload", admin)
    assert done.returncode == 1
    assert re.fullmatch(
        rf"error: the server at {admin} has no supervisor, and cannot replace itself: "
        r'set `supervisor = "always"` and restart it\n',
        done.stderr,
    )
    assert server.stop() == 0
    assert "SIGHUP" not in server.log


@pytest.mark.system
def test_a_server_of_another_namespace_is_not_signalled(workers):
    server = workers("--supervisor=always")
    namespace = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    done = subprocess.run(
        [*namespace, sys.executable, "-m", "maitred", "reload", admin_of(server)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot be signalled: it runs in another container" in done.stderr, done.stderr
    assert "docker kill -s HUP" in done.stderr
    assert "SIGHUP" not in server.server.log


@pytest.mark.parametrize("word", ["reload", "status"])
def test_who_names_no_server_or_one_that_is_not_there_is_told(word, tmp_path):
    done = run(word, cwd=tmp_path)
    assert done.returncode == 2
    assert "admin-listen" in done.stderr
    done = run(word, f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert re.fullmatch(r"error: no server is there, at \S+: .*\n", done.stderr)


def test_status_is_a_table_of_the_workers(workers):
    server = workers("--workers=2")
    done = run("status", admin_of(server))
    assert done.returncode == 0, done.stderr
    first, blank, heading, *rows = done.stdout.splitlines()
    assert re.match(r"maitred \S+ with CPython \S+: ready for \d+ s, process \d+$", first)
    assert blank == ""
    assert heading.split()[:3] == ["WORKER", "PID", "STATE"]
    pids = {int(row.split()[0]): int(row.split()[1]) for row in rows}
    assert pids == server.ready()


def test_status_of_a_single_process_is_a_line(maitred):
    server = maitred("--admin-listen=127.0.0.1:0", "--threads=3", "maitred.demo:app")
    admin = server.wait_for(r"probes, metrics and status on (http://\S+)")[1]
    done = run("status", admin)
    assert "no supervisor: one process, 0 of 3 threads busy, 0 requests waiting" in done.stdout
