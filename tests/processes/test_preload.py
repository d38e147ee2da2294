"""Tests of `preload`: workers that are forked from a process which has imported the application."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from client import request
from observing import is_running, molds, until

SHOP = """
import atexit
import json
import os
import random
import sys

import maitred

IMPORTED_BY = os.getpid()
NUMBER_AT_IMPORT = os.environ.get("MAITRED_WORKER")

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

say("imported")
print("buffered")
atexit.register(say, "exit handler")
os.register_at_fork(
    before=lambda: say("before", os.getpid() == IMPORTED_BY),
    after_in_parent=lambda: say("parent", os.getpid() == IMPORTED_BY),
    after_in_child=lambda: say("child", os.getpid() != IMPORTED_BY),
)

@maitred.hook("worker-start")
def begins(worker):
    say("hook", worker.number)

def app(environ, start_response):
    if environ["PATH_INFO"] == "/exit":
        os._exit(3)
    about = {
        "version": VERSION,
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "imported_by": IMPORTED_BY,
        "number_at_import": NUMBER_AT_IMPORT,
        "number": os.environ["MAITRED_WORKER"],
        "random": random.random(),
        "argv": sys.argv,
        "request_id": environ.get("maitred.request_id"),
        "multiprocess": environ["wsgi.multiprocess"],
    }
    start_response("200 OK", [])
    return [json.dumps(about).encode()]

"""


@pytest.fixture
def shop(tmp_path):
    """Write the application, and return its file."""
    file = tmp_path / "shop.py"
    file.write_text(SHOP + "VERSION = 1\n")
    return file


def mold(server, without: int = 0) -> int:
    """The pid of the only one, which is ready, and not the process `without`."""

    def is_so() -> bool:
        found = molds(server)
        return [it["state"] for it in found] == ["ready"] and found[0]["pid"] != without

    until(is_so, "one preload process is ready")
    return molds(server)[0]["pid"]


def ask_each(server, count: int) -> dict[str, dict]:
    """Ask until every worker has answered, and return the answers by number."""
    answers: dict[str, dict] = {}

    def ask() -> bool:
        answer = server.ask()
        answers[answer["number"]] = answer
        return len(answers) == count

    until(ask, "every worker answers")
    return answers


def test_workers_are_forked_from_one_import_and_are_children_of_the_supervisor(workers, shop):
    buffered = {"PYTHONUNBUFFERED": ""}
    server = workers("--workers=3", "--preload", app="shop:app", env=buffered)
    server.until_ready(3)
    answers = ask_each(server, 3)
    assert {it["imported_by"] for it in answers.values()} == {mold(server)}
    assert {it["ppid"] for it in answers.values()} == {server.server.process.pid}
    assert {it["number_at_import"] for it in answers.values()} == {None}
    for different in ("pid", "random"):
        assert len({it[different] for it in answers.values()}) == 3, different
    assert all(it["multiprocess"] for it in answers.values())
    assert all(it["argv"][-1] == "shop:app" for it in answers.values())
    assert server.metrics()['maitred_workers_preloaded{worker="supervisor"}'] == 1
    assert "the application is preloaded" in server.server.log
    # Each handler ran where it belongs, and nothing that was buffered was written twice.
    for line in ("before True\n", "parent True\n", "child True\n", "hook "):
        until(lambda line=line: server.server.output.count(line) >= 3, line)
    output = server.server.output
    assert output.count("imported\n") == output.count("buffered\n") == 1
    for line in ("before True\n", "parent True\n", "child True\n", "hook "):
        assert output.count(line) == 3, output
    assert "False" not in output


def test_a_worker_that_dies_is_forked_again_and_exit_handlers_are_those_of_workers(workers, shop):
    server = workers("--workers=2", "--preload", app="shop:app")
    server.until_ready(2)
    of = mold(server)
    with server.server.connect() as connection:
        connection.send(request("/exit"))
        died = int(server.server.wait_for(r"died \(exit status 3\).*pid=(\d+)")[1])
    server.until_ready(2, without=died)
    assert mold(server) == of
    assert {it["imported_by"] for it in ask_each(server, 2).values()} == {of}
    assert server.server.stop() == 0
    assert server.server.output.count("imported\n") == 1
    assert server.server.output.count("exit handler\n") == 2
    assert not is_running(of)


def test_a_reload_serves_new_code_from_a_new_import(workers, shop):
    server = workers("--workers=2", "--preload", app="shop:app")
    server.until_ready(2)
    old = {mold(server), *server.ready().values()}
    shop.write_text(SHOP + "VERSION = 22\n")
    server.server.signal(signal.SIGHUP)
    server.server.wait_for("reload complete: 2 replaced")
    until(lambda: not any(map(is_running, old)), "the old processes have ended")
    server.until_ready(2)
    answers = ask_each(server, 2).values()
    assert {it["version"] for it in answers} == {22}
    assert {it["imported_by"] for it in answers} == {mold(server)}
    metrics = server.metrics()
    assert metrics['maitred_workers_short_seconds_total{worker="supervisor"}'] == 0


def test_a_reload_of_code_that_cannot_be_imported_keeps_the_old_import(workers, shop):
    server = workers("--workers=2", "--preload", app="shop:app")
    before, of = server.until_ready(2), mold(server)
    for broken, error in {
        "VERSION =\n": "SyntaxError",
        "raise RuntimeError('not today')\n": "RuntimeError: not today",
        "@maitred.hook('worker-start')\ndef f(worker):\n    raise KeyError('hook')\n": "KeyError",
    }.items():
        shop.write_text(SHOP + broken)
        seen = server.server.log.count("reload stopped: 0 of 2 replaced")
        server.server.signal(signal.SIGHUP)
        until(
            lambda seen=seen: server.server.log.count("reload stopped: 0 of 2") > seen,
            "the reload stops",
        )
        assert error in server.server.log
        assert mold(server) == of
        assert server.until_ready(2) == before
    with server.server.connect() as connection:
        connection.send(request("/exit"))
        died = int(server.server.wait_for(r"died \(exit status 3\).*pid=(\d+)")[1])
    server.until_ready(2, without=died)
    assert {it["version"] for it in ask_each(server, 2).values()} == {1}


@pytest.mark.parametrize("code", ["raise RuntimeError('not today')\n", "1 +\n"])
def test_an_import_that_fails_is_shown_once_and_ends_the_server(program, shop, code):
    shop.write_text(SHOP + code)
    server = program("--listen=127.0.0.1:0", "-w3", "--preload", "shop:app", cwd=shop.parent)
    assert server.wait() == 1
    assert server.log.count("error: importing `shop` raised") == 1
    assert "serving on" not in server.log and "died" not in server.log


def test_the_preload_process_is_started_again_when_it_dies(workers, shop):
    server = workers("--workers=2", "--preload", app="shop:app")
    before = server.until_ready(2)
    of = mold(server)
    os.kill(of, signal.SIGKILL)
    server.server.wait_for(rf"the preload process died \(SIGKILL\).*pid={of}")
    new = mold(server, without=of)
    assert server.ready() == before
    os.kill(before[0], signal.SIGKILL)
    server.until_ready(2, without=before[0])
    assert ask_each(server, 2)["0"]["imported_by"] == new


def test_workers_are_not_lost_when_the_preload_process_dies_again_and_again(workers, shop):
    server = workers("--workers=3", "--preload", app="shop:app")
    server.until_ready(3)
    for _ in range(3):
        of = mold(server)
        victim = server.until_ready(3)[1]
        os.kill(victim, signal.SIGKILL)
        os.kill(of, signal.SIGKILL)  # before, while, or after it forks
        mold(server, without=of)
        server.until_ready(3, without=victim)
    assert len(ask_each(server, 3)) == 3


def test_signals_do_not_end_the_preload_process(workers, shop):
    server = workers("--workers=1", "--preload", app="shop:app")
    of = mold(server)
    names = ("INT", "TERM", "HUP", "USR1", "USR2", "TTIN", "TTOU", "WINCH")
    for name in names:
        os.kill(of, getattr(signal, f"SIG{name}"))
    server.server.wait_for("SIGUSR2 received, which is not supported")
    worker = server.ready()[0]
    os.kill(worker, signal.SIGKILL)
    server.until_ready(1, without=worker)
    assert mold(server) == of
    assert server.ask()["imported_by"] == of


def test_everything_ends_with_the_supervisor(workers, shop):
    server = workers("--workers=2", "--preload", app="shop:app")
    server.until_ready(2)
    all_processes = {mold(server), *server.ready().values()}
    server.server.signal(signal.SIGKILL)
    server.server.wait()
    until(lambda: not any(map(is_running, all_processes)), "nothing is left")


def test_an_import_ends_with_the_supervisor(program, tmp_path, gate):
    (tmp_path / "waits.py").write_text(
        "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(3600)\n"
    )
    server = program("--listen=127.0.0.1:0", "--preload", "waits:app", cwd=tmp_path)
    until(lambda: server.output.endswith("\n"), "the import has begun")
    server.signal(signal.SIGKILL)
    server.wait()
    until(lambda: not is_running(int(server.output)), "the import has ended")


def test_the_import_is_killed_after_start_timeout(program, tmp_path):
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(3600)\n")
    server = program(
        "--listen=127.0.0.1:0", "--preload", "--start-timeout=1", "waits:app", cwd=tmp_path
    )
    assert server.wait() == 1
    assert "start-timeout: the preload process has not imported the application" in server.log


THREADED = """
import threading
from wsgiref.simple_server import demo_app as app

threading.Thread(target=threading.Event().wait, name="exporter", daemon=True).start()
"""


def test_a_thread_that_was_started_at_import_is_named_and_python_does_not_warn(workers, tmp_path):
    (tmp_path / "threaded.py").write_text(THREADED)
    server = workers(
        "--workers=2",
        "--preload",
        app="threaded:app",
        env={"PYTHONWARNINGS": "error::DeprecationWarning"},
    )
    server.until_ready(2)
    log = server.server.log
    assert log.count("`preload`: threads were started while the application was imported") == 1
    assert "do not have: exporter. Start them" in log
    assert "DeprecationWarning" not in log


def test_an_import_without_threads_is_not_warned_of(workers, shop):
    server = workers("--workers=1", "--preload", app="shop:app")
    assert "threads were started" not in server.server.log


def test_a_fork_that_fails_is_told(program, tmp_path):
    (tmp_path / "limited.py").write_text(
        "import os, resource\n"
        "from wsgiref.simple_server import demo_app as app\n"
        "resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))\n"
        "if os.getuid() == 0:\n"  # whom the limit does not bind
        "    os.setuid(65534)\n"
    )
    server = program("--listen=127.0.0.1:0", "--preload", "limited:app", cwd=tmp_path)
    assert server.wait() == 1
    assert "cannot fork a worker process: Resource temporarily unavailable" in server.log


def sockets(pid: int) -> int:
    """The number of sockets that a process has open; one that it has twice counts once."""
    links = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    return sum(link.startswith("socket:") for link in links)


def test_no_process_keeps_a_descriptor_that_is_anothers(workers, shop):
    server, executed = (
        workers("--workers=3", *preload, app="shop:app") for preload in (["--preload"], [])
    )
    victim = server.until_ready(3)[1]
    of = mold(server)

    def has_only_its_own() -> bool:
        return sockets(of) == 1

    until(has_only_its_own, "its control socket is the only one")
    os.kill(victim, signal.SIGKILL)
    server.until_ready(3, without=victim)
    executed.until_ready(3)

    def all_have_as_many() -> bool:
        pids = [*server.ready().values(), *executed.ready().values()]
        return len({sockets(pid) for pid in pids}) == 1

    until(all_have_as_many, "forked workers have no more than those that were executed")
    until(has_only_its_own, "nothing of the new one is left")


def test_memory_that_runs_out_costs_a_worker_and_not_the_supervisor(workers, shop):
    def score(pid: int) -> Path:
        return Path(f"/proc/{pid}/oom_score_adj")

    def expected() -> int:
        return min(int(score(server.server.process.pid).read_text()) + 100, 1000)

    server = workers("--workers=1", "--preload", app="shop:app")
    (worker,) = server.until_ready(1).values()
    of = mold(server)
    assert [int(score(pid).read_text()) for pid in (of, worker)] == [expected()] * 2
    # Those who are started later, by a supervisor that the kernel kills readily itself.
    score(server.server.process.pid).write_text("950")
    os.kill(of, signal.SIGKILL)
    of = mold(server, without=of)
    os.kill(worker, signal.SIGKILL)
    (worker,) = server.until_ready(1, without=worker).values()
    assert [int(score(pid).read_text()) for pid in (of, worker)] == [1000] * 2 == [expected()] * 2


def test_logs_of_the_import_and_of_workers_are_json_where_the_log_is(workers, shop):
    shop.write_text(SHOP + "VERSION = 1\nprint('at import', file=sys.stderr)\n")
    server = workers("--workers=1", "--preload", "--log-format=json", app="shop:app")
    server.until_ready(1)
    lines = server.server.log.splitlines()
    assert all(line.startswith("{") for line in lines), server.server.log
    assert sum('"at import"' in line for line in lines) == 1


PROGRAM = """
import ctypes, os, signal, sys, threading
import maitred

if __name__ == "__main__":
    threading.Thread(
        target=lambda: (sys.stdin.readline(), os.kill(os.getpid(), signal.SIGTERM)), daemon=True
    ).start()
    maitred.serve("shop:app", workers=2, preload=True, listen="127.0.0.1:0")
    is_subreaper = ctypes.c_int()
    ctypes.CDLL(None).prctl(37, ctypes.byref(is_subreaper), 0, 0, 0)
    print("served", is_subreaper.value)
"""


def test_a_program_serves_with_preload_and_is_as_before_afterwards(shop):
    (shop.parent / "program.py").write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, "program.py"],
        cwd=shop.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        log = ""
        while "serving on" not in log:
            log += (line := program.stderr.readline())
            assert line, log
        rest = threading.Thread(target=program.stderr.read)
        rest.start()
        program.stdin.write("stop\n")
        program.stdin.flush()
        output = program.stdout.read()
        rest.join()
        assert program.wait() == 0
    assert output.endswith("served 0\n")
    assert output.count("imported\n") == 1
