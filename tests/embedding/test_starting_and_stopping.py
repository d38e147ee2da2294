"""Tests of how a program starts a server, waits for it, stops it, and counts what it does."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from wsgiref.simple_server import demo_app

import maitred
import pytest


def get(url: str) -> int:
    with urllib.request.urlopen(url, timeout=60) as answer:
        answer.read()
        return answer.status


def local(application=demo_app, **settings):
    return maitred.create_server(application, host="127.0.0.1", port=0, **settings)


class Slow:
    """An application that waits until it may go on."""

    def __init__(self):
        self.entered, self.leave = threading.Semaphore(0), threading.Event()

    def __call__(self, environ, start_response):
        del environ
        self.entered.release()
        assert self.leave.wait(60)
        start_response("200 OK", [])
        return [b""]


def test_start_serves_in_the_background_until_stop():
    server = local()
    server.start()
    server.start()  # it serves already
    assert get(server.url) == 200
    server.stop()
    server.stop()
    with pytest.raises(OSError, match="refused"):
        get(server.url)
    with pytest.raises(RuntimeError, match="closed"):
        server.start()


def test_join_says_whether_the_server_has_stopped():
    slow = Slow()
    server = local(slow)
    assert server.join()  # it does not run
    server.start()
    asking = threading.Thread(target=get, args=(server.url,))
    asking.start()
    slow.entered.acquire()
    assert not server.join(0)
    assert not server.join(timeout=-1)
    server.close()
    assert not server.join(0.01)
    slow.leave.set()
    assert server.join(1e300)
    asking.join(60)


def test_several_threads_may_wait_for_the_end():
    server = local()
    server.start()
    waiting = [threading.Thread(target=server.join) for _ in range(3)]
    for thread in waiting:
        thread.start()
    server.stop()
    for thread in waiting:
        thread.join(60)
        assert not thread.is_alive()


INTERRUPTED = """
import os, signal, threading, urllib.request
from wsgiref.simple_server import demo_app
import maitred

def handler(number, frame):
    print("handled")

def interrupt(number, frame):
    if not interrupted.is_set():  # only once, however many have been sent
        interrupted.set()
        raise KeyboardInterrupt

interrupted = threading.Event()
signal.signal(signal.SIGTERM, handler)
signal.signal(signal.SIGINT, interrupt)
server = maitred.create_server(demo_app, host="127.0.0.1", port=0)
server.start()

def signals():
    urllib.request.urlopen(server.url, timeout=60).close()
    os.kill(os.getpid(), signal.SIGTERM)
    while threading.main_thread().is_alive() and not interrupted.wait(0.05):
        os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=signals, daemon=True).start()
try:
    server.join()
except KeyboardInterrupt:
    print("interrupted", urllib.request.urlopen(server.url, timeout=60).status)
server.stop()
"""


def test_signal_handlers_run_while_the_main_thread_waits():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.splitlines() == ["handled", "interrupted 200"]


def test_the_counts_tell_what_runs_and_what_waits():
    slow = Slow()
    server = local(slow, threads=1)
    assert (server.busy, server.waiting, server.connections) == (0, 0, 0)
    with server:
        asking = [threading.Thread(target=get, args=(server.url,)) for _ in range(3)]
        for thread in asking:
            thread.start()
        slow.entered.acquire()
        deadline = time.monotonic() + 60
        while (server.busy, server.waiting, server.connections) != (1, 2, 3):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        slow.leave.set()
        for thread in asking:
            thread.join(60)
    assert (server.busy, server.waiting, server.connections) == (0, 0, 0)


def test_the_number_of_threads_may_be_set_before_the_start():
    slow = Slow()
    server = local(slow, threads=1)
    assert server.threads == 1
    with pytest.raises(ValueError, match="at least 1"):
        server.threads = 0
    server.threads = 2
    with server:
        asking = [threading.Thread(target=get, args=(server.url,)) for _ in range(2)]
        for thread in asking:
            thread.start()
        slow.entered.acquire()
        slow.entered.acquire()
        with pytest.raises(RuntimeError, match="before the server runs"):
            server.threads = 3
        slow.leave.set()
        for thread in asking:
            thread.join(60)


def test_an_asyncio_loop_runs_while_the_server_starts_and_stops():
    slow, ticks = Slow(), []

    async def tick():
        while True:
            ticks.append(None)
            await asyncio.sleep(0.001)

    async def main() -> int:
        ticking = asyncio.create_task(tick())
        async with local(slow) as server:
            loop = asyncio.get_running_loop()
            asked = loop.run_in_executor(None, get, server.url)
            await loop.run_in_executor(None, slow.entered.acquire)
            before = len(ticks)
            loop.call_later(0.05, slow.leave.set)  # while it stops
        assert len(ticks) > before
        ticking.cancel()
        with pytest.raises(RuntimeError, match="closed"):
            server.start()
        return await asked

    assert asyncio.run(main()) == 200


def test_a_block_of_asyncio_without_a_loop_is_an_error():
    with pytest.raises(RuntimeError, match="no running event loop"):
        local().__aenter__()


TESTS = """
import socket, urllib.request
from wsgiref.simple_server import demo_app
import pytest

stopped = []

@pytest.mark.parametrize("number", range(2))
def test_served(maitred_server, number):
    first, second = maitred_server(demo_app, threads=1), maitred_server(demo_app)
    for server in (first, second):
        assert urllib.request.urlopen(server.url, timeout=60).status == 200
    stopped.append(first)

def test_where_it_is_told_to(maitred_server, tmp_path):
    assert maitred_server(demo_app, unix_socket=tmp_path / "s").url == f"unix:{tmp_path}/s"

def test_beside_a_server_that_the_same_file_is_for(maitred_server):
    # Something listens where the file says that the server answers probes.
    assert urllib.request.urlopen(maitred_server(demo_app).url, timeout=60).status == 200

def test_stopped():
    for server in stopped:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(server.effective_port)), 60)
"""


def test_the_fixture_gives_each_test_a_server_and_stops_it(tmp_path):
    (tmp_path / "test_shop.py").write_text(TESTS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "maitred.toml").write_text(f'admin-listen = "127.0.0.1:{port}"\n')
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=str(tmp_path),
            env={**os.environ, "PYTEST_ADDOPTS": ""},
        )
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout
