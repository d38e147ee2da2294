"""Tests of threads and processes of an application, as users of Waitress expect them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from client import Connection, request
from server import Server

HERE = Path(__file__).parent


@pytest.fixture
def server(maitred: Callable[..., Server]) -> Server:
    """Return a server of `threads_app` with two threads."""
    return maitred("--threads=2", "threads_app:app", cwd=HERE)


def ask(server: Server, path: str) -> str:
    with Connection(server.address, timeout=60) as connection:
        answer = connection.ask(request(path))
    assert answer.status == 200, server.log
    return answer.body.decode()


def status(server: Server, path: str) -> int:
    with Connection(server.address) as connection:
        return connection.ask(request(path)).status


def at_once(server: Server, *paths: str) -> list[str]:
    """Ask for several at once, each over a connection of its own."""
    told: list[str] = []
    threads = [
        threading.Thread(target=lambda path=path: told.append(ask(server, path))) for path in paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(told)


def test_worker_threads_are_named_and_numbered(server):
    assert at_once(server, "/both", "/both") == ["maitred-0", "maitred-1"]


def test_thread_locals_last_from_request_to_request(server):
    counts: dict[str, list[int]] = {}
    for _ in range(20):
        name, number = ask(server, "/count").split()
        counts.setdefault(name, []).append(int(number))
    for numbers in counts.values():
        assert numbers == list(range(1, len(numbers) + 1))
    assert sum(map(len, counts.values())) == 20


def test_tracing_that_was_set_for_all_threads_is_set_for_ours(server):
    name = ask(server, "/count").split()[0]
    assert name in ask(server, "/traced").split()


def test_faulthandler_sees_what_every_thread_does(server):
    told = ask(server, "/dump")
    assert "threads_app.py" in told
    assert told.count("hread 0x") >= 3  # main, and two of ours


@pytest.mark.parametrize("path", ["/exit", "/interrupt"])
def test_an_application_cannot_end_a_thread_or_the_server(server, path):
    assert [status(server, path) for _ in range(4)] == [500] * 4
    assert at_once(server, "/both", "/both") == ["maitred-0", "maitred-1"]
    expected = {"/exit": "SystemExit", "/interrupt": "KeyboardInterrupt"}
    server.wait_for(expected[path])


def test_a_thread_of_the_application_outlives_its_request(server):
    assert ask(server, "/start") == "left-behind"
    assert ask(server, "/finish") == "done"


def test_a_request_may_run_a_program(server):
    assert ask(server, "/run") == "from a program"


def test_a_request_may_fork(server):
    assert ask(server, "/fork") == "from a child 0"
    assert ask(server, "/count")


def test_a_forked_child_that_comes_back_does_not_answer_again(server):
    with Connection(server.address) as connection:
        assert connection.ask(request("/fork-and-return")).body == b"from the parent"
        assert connection.ask(request("/run")).body == b"from a program"
        assert connection.is_silent()


def test_a_request_may_use_multiprocessing_and_its_processes_end_with_sigterm(server):
    assert ask(server, "/multiprocess") == "from multiprocessing 0 {-15}"
    assert ask(server, "/count")
