"""Tests of `maitred.serve` in a program of its own, and of how such a program ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import maitred
import pytest

VERSION = maitred.__version__.replace(".dev", "-dev.")
"""As Cargo spells it, whose version it is."""

SERVE = """
import maitred, sys, threading
from wsgiref.simple_server import demo_app
{setup}
maitred.serve(demo_app, listen="127.0.0.1:0")
print("after serve")
"""


def serve(tmp_path: Path, setup: str = "") -> subprocess.Popen[str]:
    (tmp_path / "program.py").write_text(SERVE.format(setup=setup))
    return subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_serve_says_where_and_returns_after_sigterm(tmp_path):
    with serve(tmp_path) as program:
        line = program.stderr.readline()
        assert line.startswith(f"INFO:maitred:maitred {VERSION} serving on http://127.0.0.1:")
        program.terminate()
        assert program.stdout.read() == "after serve\n"
        assert program.wait(60) == 0


def test_serve_says_that_it_is_one_process_whatever_the_platform_asks_for(tmp_path):
    setup = "import os\nos.environ['WEB_CONCURRENCY'] = '3'\nos.environ['MAITRED_MAX_RSS'] = '1GiB'"
    with serve(tmp_path, setup) as program:
        lines = [program.stderr.readline()]
        while "serving on" not in lines[-1]:
            lines.append(program.stderr.readline())
            assert lines[-1], lines
        program.terminate()
        lines += program.stderr
    for name, variable in ("workers", "WEB_CONCURRENCY"), ("max-rss", "MAITRED_MAX_RSS"):
        (warning,) = (line for line in lines if f"`{name}` is not used here" in line)
        assert warning.startswith("WARNING:maitred:")
        assert variable in warning
    (announced,) = (line for line in lines if "serving on" in line)
    assert "with 4 threads (" in announced
    (shown,) = (line for line in lines if "non-default settings:" in line)
    assert "workers" not in shown and "max-rss" not in shown


def test_serve_leaves_the_programs_own_handler_alone(tmp_path):
    setup = (
        "import signal\n"
        "def handler(number, frame):\n"
        "    print('mine', flush=True)\n"
        "    sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, handler)"
    )
    with serve(tmp_path, setup) as program:
        assert "serving on" in program.stderr.readline()
        program.terminate()
        assert program.stdout.read() == "mine\n"
        assert program.wait(60) == 3


def test_serve_puts_signal_handlers_back(tmp_path):
    setup = (
        "import atexit, signal\n"
        "before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]\n"
        "atexit.register(lambda: print(before == "
        "[signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]))"
    )
    with serve(tmp_path, setup) as program:
        assert "serving on" in program.stderr.readline()
        program.terminate()
        assert program.stdout.read() == "after serve\nTrue\n"
        assert program.wait(60) == 0


def test_a_program_that_has_configured_logging_keeps_it(tmp_path):
    setup = "import logging; logging.basicConfig(format='MINE %(message)s', level='INFO')"
    with serve(tmp_path, setup) as program:
        assert program.stderr.readline().startswith(f"MINE maitred {VERSION} serving on ")
        program.terminate()
        program.communicate(timeout=60)


ENDS = """
import maitred, threading, time, urllib.request

def app(environ, start_response):
    if environ["PATH_INFO"] == "/forever":
        {work}
    start_response("200 OK", [])
    return [b"x", b"y"]

server = maitred.create_server(app, host="127.0.0.1", port=0)
threading.Thread(target=server.run, daemon=True).start()
urllib.request.urlopen(server.url).read()
def ask():
    try:
        urllib.request.urlopen(server.url + "/forever")
    except OSError:
        pass  # it is answered 500 if there is time for that

threading.Thread(target=ask, daemon=True).start()
"""


@pytest.mark.parametrize("work", ["time.sleep(3600)", "while True: pass"])
@pytest.mark.parametrize("turn", range(5))
def test_a_program_that_ends_while_its_server_runs_ends_well(turn, work):
    done = subprocess.run(
        [sys.executable, "-c", ENDS.replace("{work}", work)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), turn
