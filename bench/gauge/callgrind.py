"""Instructions per request, counted by valgrind's callgrind.

The count is of user space only and knows neither waiting nor caches, but it repeats within a few
percent on any machine, where times do not: so it is the gauge for regressions.

The server answers until its caches are filled; then the count is set to zero, it answers so many
requests, and the count is read. The requests come in rounds, one on each of many connections. While
they are sent the server is stopped, so that it finds all of them when it goes on, as under load:
otherwise the count would tell how often a thread had to be woken, which is up to the scheduler.
Hash seeds are fixed, and the server's threads run one at a time.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from client import Connection

from gauge import answers, process_tree
from gauge.running import CellError, Running
from gauge.scenarios import SCENARIOS
from gauge.servers import SERVERS, Places

CONNECTIONS = 64
WARM_UP, ROUNDS = 20, 100  # of one request on each connection
TRIES = 3  # a round may be cut in two by who runs first: the least is what repeats
PATIENCE_SECONDS = 180
VALGRIND = (
    "valgrind",
    "--tool=callgrind",
    "--fair-sched=yes",  # else one thread may starve the others of valgrind's own lock
    "--trace-children=yes",
    "--error-limit=no",
)
TOTAL = re.compile(rb"^(?:summary|totals): (\d+)", re.M)


def per_request(name: str, scenario_name: str, places: Places) -> float:
    """Instructions in user space for one request, over all processes of the server."""
    return min(_count(name, scenario_name, places) for _ in range(TRIES))


def _count(name: str, scenario_name: str, places: Places) -> float:
    """The same, once."""
    server, scenario = SERVERS[name], SCENARIOS[scenario_name]
    with tempfile.TemporaryDirectory(prefix="maitred-bench-") as scratch, ExitStack() as stack:
        wrapper = (*VALGRIND, f"--callgrind-out-file={scratch}/callgrind.%p")
        with Running(server, scenario, places, scratch, wrapper, PATIENCE_SECONDS) as running:
            data = answers.bytes_of_request(scenario, running.port)
            address = ("127.0.0.1", running.port)
            connections = [
                stack.enter_context(Connection(address, PATIENCE_SECONDS))
                for _ in range(CONNECTIONS)
            ]
            processes = process_tree.members(running.pid)

            def ask(rounds: int) -> None:
                for _ in range(rounds):
                    for pid in processes:
                        os.kill(pid, signal.SIGSTOP)
                    for connection in connections:
                        connection.send(data)
                    for pid in processes:
                        os.kill(pid, signal.SIGCONT)
                    for connection in connections:
                        answers.expect(connection.read(), scenario.expect)

            ask(WARM_UP)
            _control("--zero", processes)
            ask(ROUNDS)
            _control("--dump", processes)
            counts = [total(dump.read_bytes()) for dump in Path(scratch).glob("callgrind.*.1")]
        if not any(counts):
            raise CellError(f"no count was written: {running.log_end()}")
        return sum(counts) / (ROUNDS * CONNECTIONS)


def _control(order: str, processes: list[int]) -> None:
    for pid in processes:
        command = ["callgrind_control", order, str(pid)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired as e:
            raise CellError(f"{' '.join(command)}: no answer in {PATIENCE_SECONDS} s") from e
        if done.returncode != 0:
            raise CellError(f"{' '.join(command)}: {done.stdout} {done.stderr}")


def total(dump: bytes) -> int:
    """The instructions in one process's dump."""
    return max(map(int, TOTAL.findall(dump)), default=0)
