"""Tests of how one worker process ends, whatever its application does with signals and at exit."""

from __future__ import annotations

import json
import os
import re
import signal
import sys

import pytest
from client import request
from gate import WAITS
from observing import until

#: An application whose requests for `/wait` wait at the gate.
WAITING = (
    WAITS
    + """
import json


def app(environ, start_response):
    if environ["PATH_INFO"] == "/wait":
        wait_at_the_gate()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"pid": os.getpid()}).encode()]
"""
)

RAISES = """
import signal, sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
"""

LIVES_ON = """
import threading

threading.Thread(target=threading.Event().wait).start()
"""

EXIT_HANDLER = """
import atexit, faulthandler, signal, tempfile


@atexit.register
def open_files():
    files = [tempfile.TemporaryFile() for _ in range(64)]
    wait_at_the_gate()
    written = sum(os.fstat(file.fileno()).st_size for file in files)
    # As the finalizing interpreter does.
    number = signal.SIGRTMIN + 6
    faulthandler.unregister(number)
    signal.raise_signal(number)
    print(f"{written} bytes were written to files of the application", flush=True)
"""


@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_whose_application_raises_at_sigterm_is_replaced_before_it_ends(
    workers, gate, tmp_path, times
):
    (tmp_path / "shop.py").write_text(WAITING + RAISES)
    server = workers("--workers=2", app="shop:app")
    pid = server.until_ready(2)[0]
    with server.connect_to(pid) as connection:
        connection.send(request("/wait", method="POST", body=b"x" * 40_000))
        gate.await_one()
        for starts in range(times):
            os.kill(pid, signal.SIGTERM)
            # A signal that is sent again is another request to end, and no reason to be cut off.
            until(lambda: server.metrics()[ASKED] == 1, f"a successor, after signal {starts}")
        gate.open()
        assert connection.read().status == 200
    server.until_ready(2, without=pid)
    assert server.server.process.poll() is None
    assert server.ask()["pid"] != pid


ASKED = 'maitred_worker_starts_total{worker="supervisor",reason="asked"}'


def test_workers_end_in_time_although_threads_of_the_application_do_not(workers, gate, tmp_path):
    (tmp_path / "shop.py").write_text(WAITING + LIVES_ON)
    server = workers("--workers=2", "--graceful-timeout=5", app="shop:app")
    server.until_ready(2)
    with server.server.connect() as connection:
        connection.send(request("/wait"))
        gate.await_one()
        assert server.server.stop() == 0
    log = server.server.log
    assert "the time for stopping is over, and threads of the application have not ended" in log
    assert "has not ended in time and is killed" not in log


@pytest.mark.skipif(sys.platform != "linux", reason="there is no signal to spare elsewhere")
def test_stacks_that_are_asked_for_while_exit_handlers_run_harm_nobody(workers, gate, tmp_path):
    (tmp_path / "shop.py").write_text(WAITING + EXIT_HANDLER)
    server = workers("--supervisor=always", app="shop:app")
    server.until_ready(1)
    server.server.signal(signal.SIGTERM)
    gate.await_one()
    status = json.loads(server.admin.ask("/statusz?stacks=1").body)
    assert "open_files" in status["workers"][0]["stacks"]
    gate.open()
    assert server.server.wait() == 0
    told = re.search(r"(\d+) bytes were written", server.server.output)
    assert told, server.server.log
    assert told[1] == "0"
    assert "a worker process died" not in server.server.log
