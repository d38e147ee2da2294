"""Tests of fairness under full load, by counts: connections, other threads, and the CPU."""

from __future__ import annotations

import os
import selectors
import signal
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from client import request
from server import Server

HERE = Path(__file__).resolve().parent


def load(server: Server, connections: int, requests: int, targets: tuple[str, ...]) -> Counter:
    """Keep so many connections busy until so many requests are answered; count those of each."""
    asked = [request(target) for target in targets]
    served: Counter = Counter()
    with ExitStack() as stack, selectors.DefaultSelector() as ready:
        for number in range(connections):
            connection = stack.enter_context(server.connect())
            connection.send(asked[number % len(asked)])
            ready.register(connection.socket, selectors.EVENT_READ, (number, connection))
        while served.total() < requests:
            for key, _ in ready.select():
                number, connection = key.data
                assert connection.read().status == 200
                served[number] += 1
                connection.send(asked[(number + served[number]) % len(asked)])
    return served


@pytest.mark.parametrize("threads", [1, 4])
def test_two_hundred_connections_have_each_their_share(maitred, threads: int) -> None:
    """Each gets between half and twice the mean."""
    server = maitred(
        "scheduling_app:application",
        f"--threads={threads}",
        "--connection-limit=300",
        cwd=HERE,
    )
    mean = 50
    served = load(server, 200, 200 * mean, ("/", "/", "/long"))
    assert len(served) == 200
    assert min(served.values()) >= mean / 2
    assert max(served.values()) <= mean * 2


def test_a_thread_of_the_application_runs_under_full_load(maitred) -> None:
    """Serving without a pause does not keep the interpreter from everybody else."""
    server = maitred("scheduling_app:application", "--threads=4", cwd=HERE)

    def ticks() -> int:
        with server.connect() as connection:
            return int(connection.ask(request("/ticks")).body)

    before = ticks()
    for _ in range(100):
        load(server, 50, 1000, ("/", "/long"))
        if ticks() - before > 50:
            return
    pytest.fail(f"{ticks() - before} turns beside 100,000 requests")


@pytest.mark.skipif(sys.platform != "linux", reason="only procfs counts them for each thread")
def test_serving_costs_few_waits(maitred) -> None:
    """Of many requests that are there at once, most are answered without waking a thread."""
    server = maitred("plain_app:application", "--threads=4", "--connection-limit=300", cwd=HERE)
    rounds, width = 20, 200
    with ExitStack() as stack:
        crowd = [stack.enter_context(server.connect()) for _ in range(width)]
        before = switches(server)
        for _ in range(rounds):
            # Stopped, so that a client slower than the server can still make it busy.
            server.signal(signal.SIGSTOP)
            os.waitid(os.P_PID, server.process.pid, os.WSTOPPED)
            for connection in crowd:
                connection.send(request("/"))
            server.signal(signal.SIGCONT)
            for connection in crowd:
                assert connection.read().body == b"hello"
        each = (switches(server) - before) / (rounds * width)
    assert each < 1, f"{each} waits a request"


def switches(server: Server) -> int:
    """How often threads of the server have begun to wait so far; others may interrupt them."""
    total = 0
    for status in Path(f"/proc/{server.process.pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "voluntary_ctxt_switches":
                total += int(value)
    return total
