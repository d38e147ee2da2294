"""Instructions per request, counted by valgrind's callgrind.

The count is of user space only and knows neither waiting nor caches, but it repeats within a few
percent on any machine, where times do not: so it is the gauge for regressions.

The server runs twice, answers a small and a large number of requests, and the difference is
divided by the difference in requests: start-up, imports and the filling of caches, which are the
same in both, cancel. The requests come in rounds, one on each of many connections at once, because
under load a worker finds its next request without being woken; on a single connection the count
would mostly tell who had to be woken. Hash seeds are fixed, the server is seen to listen without
being connected to, and its threads run one at a time.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import ExitStack
from pathlib import Path

from client import Connection

from gauge import answers
from gauge.running import CellError, Running
from gauge.scenarios import SCENARIOS
from gauge.servers import SERVERS, Places

CONNECTIONS = 64
FEW, MANY = 5, 45  # rounds of one request on each connection
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
    few, many = (
        min(_total(name, scenario_name, places, rounds) for _ in range(TRIES))
        for rounds in (FEW, MANY)
    )
    return (many - few) / ((MANY - FEW) * CONNECTIONS)


def _total(name: str, scenario_name: str, places: Places, rounds: int) -> int:
    """Every instruction from the start of the server to its end, with so many rounds between."""
    scenario = SCENARIOS[scenario_name]
    with tempfile.TemporaryDirectory(prefix="maitred-bench-") as scratch, ExitStack() as stack:
        wrapper = (*VALGRIND, f"--callgrind-out-file={scratch}/callgrind.%p")
        server = SERVERS[name]
        with Running(server, scenario, places, scratch, wrapper, PATIENCE_SECONDS) as running:
            data = answers.bytes_of_request(scenario, running.port)
            address = ("127.0.0.1", running.port)
            connections = [
                stack.enter_context(Connection(address, PATIENCE_SECONDS))
                for _ in range(CONNECTIONS)
            ]
            for _ in range(rounds):
                for connection in connections:
                    connection.send(data)
                for connection in connections:
                    answers.expect(connection.read(), scenario.expect)
        counts = [total(dump.read_bytes()) for dump in Path(scratch).glob("callgrind.*")]
        if not any(counts):
            raise CellError(f"no count was written: {running.log_end()}")
        return sum(counts)


def total(dump: bytes) -> int:
    """The instructions in one process's dump."""
    return max(map(int, TOTAL.findall(dump)), default=0)
