"""Generates load with wrk, idle connections and new connections, all on the client's CPU."""

from __future__ import annotations

import json
import resource
import select
import subprocess
import sys
import time
from dataclasses import dataclass

from client import Connection, ResponseError

from gauge.answers import bytes_of_request
from gauge.running import CellError
from gauge.scenarios import Scenario
from gauge.servers import BENCH

NEWCOMERS = 20
NEWCOMER_SECONDS = 2
OPENING_SECONDS = 20  # for all idle connections; a server that takes longer has fewer of them


def pinned(cpu: int | None) -> tuple[str, ...]:
    """What comes before a command to keep it on one CPU; nothing for None."""
    return () if cpu is None else ("taskset", "-c", str(cpu))


@dataclass
class Wrk:
    """One run of wrk, started at once; `result` waits for its end."""

    port: int
    scenario: Scenario
    seconds: int
    cpu: int | None

    def __post_init__(self) -> None:
        scenario = self.scenario
        # One thread drives any number of connections; wrk counts per thread, hence the spread.
        threads = scenario.connections if scenario.spread else 1
        command = [*pinned(self.cpu), "wrk", "-t", str(threads), "-c", str(scenario.connections)]
        command += ["-d", f"{self.seconds}s", "-s", f"lua/{scenario.lua}.lua"]
        for name, value in scenario.fields:
            command += ["-H", f"{name}: {value}"]
        command.append(f"http://127.0.0.1:{self.port}{scenario.path}")
        self.process = subprocess.Popen(
            command, cwd=BENCH, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def result(self) -> dict:
        """The summary that is printed last, with the load generator's own CPU time."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            output, _ = self.process.communicate(timeout=self.seconds * 3 + 30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise CellError("the load does not come to its end") from None
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if self.process.returncode:
            raise CellError(f"the load: {output[-200:]}")
        result = json.loads(output.strip().splitlines()[-1])
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return result | {"client_cpu_s": used}


@dataclass
class Arrivals:
    """A run of the open load of `arrivals`, started at once; `result` waits for its end."""

    port: int
    scenario: Scenario
    seconds: int
    cpu: int | None
    seed: int

    def __post_init__(self) -> None:
        scenario = self.scenario
        connections = 0 if scenario.closing else scenario.connections
        numbers = (self.port, self.seed, self.seconds, scenario.rate, connections)
        command = [*pinned(self.cpu), sys.executable, "-m", "gauge.arrivals", *map(str, numbers)]
        self.process = subprocess.Popen(
            command, cwd=BENCH, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    result = Wrk.result


class Idle:
    """Keep-alive connections that are idle after one response each."""

    def __init__(self, port: int, scenario: Scenario):
        self.data = bytes_of_request(scenario, port)
        self.connections: list[Connection] = []
        deadline = time.monotonic() + OPENING_SECONDS
        for _ in range(scenario.idle):
            if time.monotonic() > deadline:
                break
            try:
                connection = Connection(("127.0.0.1", port), NEWCOMER_SECONDS)
            except OSError:
                break
            try:
                connection.ask(self.data)
            except (OSError, ResponseError):
                connection.close()
                break
            self.connections.append(connection)

    def still_open(self) -> int:
        """How many the server has not closed: nothing but an end makes a silent one readable."""
        poll = select.poll()
        for connection in self.connections:
            poll.register(connection.socket, select.POLLIN)
        return len(self.connections) - len(poll.poll(0))

    def close(self) -> None:
        """Close them all."""
        for connection in self.connections:
            connection.close()


def admitted_newcomers(port: int, scenario: Scenario, seconds: float) -> int:
    """How many of `NEWCOMERS` connections, opened over that time, are answered under load."""
    data, admitted = bytes_of_request(scenario, port), 0
    for _ in range(NEWCOMERS):
        time.sleep(seconds / NEWCOMERS)
        try:
            with Connection(("127.0.0.1", port), NEWCOMER_SECONDS) as connection:
                admitted += connection.ask(data).status == 200
        except (OSError, ResponseError):
            continue
    return admitted
