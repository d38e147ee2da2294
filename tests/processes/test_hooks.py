"""Tests of hooks: what runs when a worker begins and stops serving, and what is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from client import request
from observing import until

APP = """
import json
import os
import threading

import maitred

print("application imported", flush=True)
seen = []

@maitred.hook("worker-start")
def second(worker):
    seen.append("second")
    print("started", worker.number, worker.generation, worker.pid == os.getpid(), flush=True)

@maitred.hook("worker-stop")
def last(worker):
    print("last", worker.number, worker == maitred.worker(), flush=True)

@maitred.hook("worker-stop")
def first_to_end(worker):
    is_main = threading.current_thread() is threading.main_thread()
    print("first to end", is_main, flush=True)

import atexit
atexit.register(lambda: print("exit handler", flush=True))

def app(environ, start_response):
    start_response("200 OK", [])
    print("request", flush=True)
    about = {"seen": seen, "pid": os.getpid(), "worker": vars(maitred.worker())}
    return [json.dumps(about).encode()]
"""

HOOKS = """
import maitred

@maitred.hook("worker-start")
def first(worker):
    import shop
    shop.seen.append("first")
    print("first", flush=True)

print("hooks imported", flush=True)
"""

ORDER = [
    "hooks imported",
    "application imported",
    "first",
    "started 0 0 True",
    "request",
    "first to end True",
    "last 0 True",
    "exit handler",
]


@pytest.fixture
def shop(tmp_path):
    """Write an application with hooks, and return their folder."""
    (tmp_path / "shop.py").write_text(APP)
    (tmp_path / "hooks.py").write_text(HOOKS)
    return tmp_path


@pytest.mark.parametrize("supervisor", ["never", "always"])
def test_hooks_run_in_their_order_around_the_requests_of_a_process(program, shop, supervisor):
    server = program(
        "--listen=127.0.0.1:0",
        f"--supervisor={supervisor}",
        "--hooks=hooks",
        "shop:app",
        cwd=shop,
    )
    with server.connect() as connection:
        about = json.loads(connection.ask(request("/")).body)
    assert about["seen"] == ["first", "second"]
    assert about["worker"] == {"number": 0, "generation": 0, "pid": about["pid"]}
    assert server.stop() == 0
    assert server.output.splitlines() == ORDER


def until_output(server, *lines: str) -> None:
    """Wait until the workers have written these lines, in any order."""
    until(lambda: set(lines) <= set(server.output.splitlines()), " and ".join(lines))


def test_hooks_of_each_worker_get_its_number_and_those_of_a_retired_one_run(workers, shop):
    server = workers("--workers=2", "--hooks=hooks", app="shop:app")
    server.until_ready(2)
    until_output(server.server, "started 0 0 True", "started 1 1 True")
    server.server.signal(signal.SIGHUP)
    server.server.wait_for("reload complete: 2 replaced")
    server.until_ready(2)
    until_output(
        server.server, "started 0 2 True", "started 1 3 True", "last 0 True", "last 1 True"
    )
    assert server.server.output.count("last") == 2


@pytest.mark.parametrize("workers_asked", ["--workers=1", "--workers=3"])
def test_a_hook_that_raises_keeps_the_server_from_starting_and_is_shown_once(
    program, tmp_path, workers_asked
):
    (tmp_path / "shop.py").write_text(
        "import maitred\n"
        "from wsgiref.simple_server import demo_app as app\n"
        "@maitred.hook('worker-start')\n"
        "def connect(worker):\n"
        "    raise RuntimeError('the database is away')\n"
    )
    server = program("--listen=127.0.0.1:0", workers_asked, "shop:app", cwd=tmp_path)
    assert server.wait() == 1
    assert "error: the `worker-start` hook `shop.connect` raised RuntimeError\n" in server.log
    assert server.log.count("RuntimeError: the database is away") == 1
    assert 'shop.py", line 5, in connect' in server.log
    assert "Rust" not in server.log and "serving on" not in server.log


@pytest.mark.parametrize("supervisor", ["never", "always"])
def test_a_hook_that_raises_at_the_end_is_logged_and_the_status_tells(
    program, tmp_path, supervisor
):
    (tmp_path / "shop.py").write_text(
        "import maitred\n"
        "from wsgiref.simple_server import demo_app as app\n"
        "@maitred.hook('worker-stop')\n"
        "def other(worker):\n"
        "    print('the other one', flush=True)\n"
        "@maitred.hook('worker-stop')\n"
        "def close(worker):\n"
        "    raise RuntimeError('cannot close')\n"
    )
    server = program("--listen=127.0.0.1:0", f"--supervisor={supervisor}", "shop:app", cwd=tmp_path)
    server.wait_for("serving on")
    server.signal()
    status = server.wait()
    assert "the `worker-stop` hook `shop.close` raised an exception" in server.log
    assert "RuntimeError: cannot close" in server.log
    assert server.output == "the other one\n"
    if supervisor == "never":
        assert status == 1
    else:
        assert "a worker process died (exit status 1)" in server.log


def test_a_reload_with_a_hook_that_raises_stops_and_the_old_worker_serves(workers, shop):
    server = workers("--workers=2", app="shop:app")
    before = server.ready()
    text = APP.replace("    seen.append", "    raise RuntimeError('not today')\n    seen.append")
    (shop / "shop.py").write_text(text)
    server.server.signal(signal.SIGHUP)
    server.server.wait_for("reload stopped: 0 of 2 replaced")
    assert server.server.log.count("RuntimeError: not today") == 1
    assert server.ready() == before


#: They are refused when the decorator is applied. A traceback shows its line, and in CPython 3.10
#: the line of the `def`.
WRONG_WHEN_APPLIED = {
    "@maitred.hook\ndef f(worker): ...": 'write `@maitred.hook("worker-start")`, with the event',
    "@maitred.hook('worker-start')\ndef f(server, worker): ...": (
        "TypeError: the 'worker-start' hook `hooks.f` must accept one argument, the worker: "
        "missing a required argument: 'worker'"
    ),
    "@maitred.hook('worker-start')\nasync def f(worker): ...": (
        "TypeError: the 'worker-start' hook `hooks.f` is a coroutine function"
    ),
}

WRONG = WRONG_WHEN_APPLIED | {
    "@maitred.hook('worker_strat')\ndef f(worker): ...": (
        "ValueError: there is no hook 'worker_strat': did you mean `worker-start`?"
    ),
    "@maitred.hook('post_fork')\ndef f(server, worker): ...": (
        "ValueError: there is no hook 'post_fork': it is `worker-start`"
    ),
    "@maitred.hook('breakfast')\ndef f(worker): ...": (
        "ValueError: there is no hook 'breakfast': there are `worker-start` and `worker-stop`"
    ),
    "maitred.hook('worker-stop')(5)": ("TypeError: a 'worker-stop' hook must be a function, not 5"),
}


@pytest.mark.parametrize("code", WRONG)
def test_a_hook_that_cannot_be_is_refused_with_its_line(program, tmp_path, code):
    (tmp_path / "hooks.py").write_text(f"import maitred\n{code}\n")
    (tmp_path / "maitred.toml").write_text('hooks = "hooks"\n')
    server = program("check", "wsgiref.simple_server:demo_app", cwd=tmp_path)
    assert server.wait() == 1
    kind = "TypeError" if "TypeError" in WRONG[code] else "ValueError"
    assert f"error: importing `hooks` raised {kind}\n  --> maitred.toml:1:9\n" in server.log
    line = 3 if code in WRONG_WHEN_APPLIED and sys.version_info < (3, 11) else 2
    assert f'hooks.py", line {line}, in <module>\n' in server.log
    assert WRONG[code] in server.log


def test_a_module_of_hooks_that_is_missing_is_refused_and_one_without_hooks_is_noted(
    program, tmp_path
):
    (tmp_path / "maitred.toml").write_text('hooks = "hoks"\n')
    server = program("check", "wsgiref.simple_server:demo_app", cwd=tmp_path)
    assert server.wait() == 1
    assert "error: there is no module `hoks` (needed for `hoks`)" in server.log
    assert "--> maitred.toml:1:9\n" in server.log
    (tmp_path / "maitred.toml").write_text('hooks = "json"\n')
    server = program("--listen=127.0.0.1:0", "wsgiref.simple_server:demo_app", cwd=tmp_path)
    server.wait_for(r"`json` registers no function with `maitred.hook` \(maitred.toml:1:9\)")


EMBEDDED = """
import threading
import urllib.request
import maitred
from wsgiref.simple_server import demo_app

assert maitred.worker() is None
maitred.hook("worker-start")(lambda worker: print("begins", worker.number))
maitred.hook("worker-stop")(lambda worker: print("ends", worker.number))
with maitred.create_server(demo_app, listen="127.0.0.1:0") as server:
    urllib.request.urlopen(server.url).read()
    print("served")
try:
    maitred.create_server(demo_app, listen="127.0.0.1:0", hooks="no_such_module")
except ImportError as error:
    print(error)

@maitred.hook("worker-start")
def fails(worker):
    raise KeyError("of the hook")

try:
    maitred.create_server(demo_app, listen="127.0.0.1:0").run()
except KeyError as error:
    print(repr(error))
"""


def test_hooks_of_a_program_that_embeds_the_server_run_there(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", EMBEDDED], capture_output=True, text=True, timeout=60, check=True
    )
    begins, served, ends, missing, begins_again, raised = done.stdout.splitlines()
    assert (begins, served, ends) == ("begins 0", "served", "ends 0")
    assert missing.startswith("there is no module `no_such_module`")
    assert (begins_again, raised) == ("begins 0", "KeyError('of the hook')")
