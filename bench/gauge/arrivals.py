"""An open load: requests arrive when they are planned to, whether the server is ready or not.

wrk waits for each response before it sends the next request, so a server that stands still is
asked less. Here arrivals are a Poisson process that a seed decides, and a latency counts from the
*planned* arrival: a request that finds no free connection, or a generator that is late, has waited
too.

Run as a program, so that it can be kept on one CPU, with the port, the seed, the seconds, the rate
and the number of connections: `python -m gauge.arrivals 8000 1 4 202 64`; with 0 of them, each
request has its own. It prints one JSON line with the names that `lua/summary.lua` uses; p50 and p99
are those of the short requests.

A connection that the server ends between two requests, or after one with `Connection: close`, is
replaced and counted as a reconnect. A request that is on its way then has failed.
"""

from __future__ import annotations

import heapq
import json
import math
import random
import selectors
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field

#: The share of requests that take long, and the paths of both kinds.
LONG_SHARE = 0.05
SHORT, LONG = "/short", "/long"

#: How long after the last arrival an answer may come.
PATIENCE_SECONDS = 10
LEAD_SECONDS = 0.2  # between the first connection and the first arrival
RECEIVE_BYTES = 1 << 16


@dataclass(frozen=True, order=True)
class Arrival:
    """A request, and when it is to arrive, in seconds from the beginning."""

    at: float
    path: str


def plan(seed: int, seconds: float, rate: float) -> list[Arrival]:
    """The arrivals of so many seconds, `rate` of them each second on average."""
    chance = random.Random(seed)
    arrivals, at = [], 0.0
    while (at := at + chance.expovariate(rate)) < seconds:
        arrivals.append(Arrival(at, LONG if chance.random() < LONG_SHARE else SHORT))
    return arrivals


def percentile(values: list[float], percent: float) -> float:
    """The smallest of the values that is not less than so many percent of them; 0 of none."""
    if not values:
        return 0.0
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


@dataclass
class Outcome:
    """Latencies from the planned arrival, in seconds, by path; and what went wrong."""

    latencies: dict[str, list[float]] = field(default_factory=lambda: {SHORT: [], LONG: []})
    errors: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("connect", "read", "write", "status", "timeout"), 0)
    )
    reconnects: int = 0
    seconds: float = 0.0

    def summary(self) -> dict[str, int]:
        """As wrk's, with the 99th percentile of the long requests beside."""
        short, long = self.latencies[SHORT], self.latencies[LONG]
        return self.errors | {
            "failed": sum(self.errors.values()),
            "reconnects": self.reconnects,
            "requests": len(short) + len(long),
            "duration_us": round(self.seconds * 1e6),
            "p50_us": round(percentile(short, 50) * 1e6),
            "p99_us": round(percentile(short, 99) * 1e6),
            "max_us": round(max(short, default=0.0) * 1e6),
            "long_p99_us": round(percentile(long, 99) * 1e6),
        }


@dataclass
class _Client:
    """A keep-alive connection, and the request that it waits for."""

    socket: socket.socket
    asked: Arrival | None = None
    received: bytes = b""

    def is_last(self) -> bool:
        """Whether the server will end the connection after this response."""
        head = self.received.partition(b"\r\n\r\n")[0].lower()
        return b"\r\nconnection: close" in head or head.startswith(b"http/1.0")

    def is_complete(self) -> bool:
        """Whether a whole response with a length has come."""
        head, end, body = self.received.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return bool(end) and len(body) >= int(line.partition(b":")[2])
        return False


class Generator:
    """Sends the requests of a plan to a port of this machine, on so many connections."""

    def __init__(self, port: int, arrivals: list[Arrival], connections: int, seed: int = 1):
        self.port = port
        self.due = list(arrivals)
        heapq.heapify(self.due)
        self.chance = random.Random(seed)
        self.outcome = Outcome()
        self.waiting: deque[Arrival] = deque()
        self.selector = selectors.SelectSelector()  # it knows microseconds, epoll milliseconds
        self.closes = connections == 0
        self.free: list[_Client] = []
        for _ in range(connections):
            self._add_free()
        self.asking = 0

    def run(self) -> Outcome:
        """Send them all, and wait for the answers."""
        began = time.monotonic() + LEAD_SECONDS
        last = began + max((it.at for it in self.due), default=0.0)
        while self.due or self.waiting or self.asking:
            now = time.monotonic()
            if now > last + PATIENCE_SECONDS:
                self.outcome.errors["timeout"] += self.asking + len(self.waiting)
                break
            while self.due and began + self.due[0].at <= now:
                self.waiting.append(heapq.heappop(self.due))
            while self.waiting and (self.free or self.closes):
                self._send(self.waiting.popleft())
            until = began + self.due[0].at if self.due else last + PATIENCE_SECONDS
            for key, _ in self.selector.select(max(0.0, until - time.monotonic())):
                self._receive(key.data, began)
        self.outcome.seconds = time.monotonic() - began
        for client in self.free:
            client.socket.close()
        return self.outcome

    def _add_free(self) -> None:
        """Make another connection that waits for a request, and notice when the server ends it."""
        if client := self._connect():
            self.free.append(client)
            self.selector.register(client.socket, selectors.EVENT_READ, client)

    def _connect(self) -> _Client | None:
        try:
            made = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        except OSError:
            self.outcome.errors["connect"] += 1
            return None
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Client(made)

    def _send(self, arrival: Arrival) -> None:
        """Ask on any of the free connections, as the clients of a proxy would."""
        if self.closes:
            if (client := self._connect()) is None:
                return
            self.selector.register(client.socket, selectors.EVENT_READ, client)
        else:
            client = self.free.pop(self.chance.randrange(len(self.free)))
        client.asked, client.received = arrival, b""
        self.asking += 1
        close = "Connection: close\r\n" if self.closes else ""
        head = f"GET {arrival.path} HTTP/1.1\r\nHost: bench\r\n{close}\r\n"
        try:
            client.socket.sendall(head.encode())
        except OSError:
            self._ends(client, "write")

    def _receive(self, client: _Client, began: float) -> None:
        try:
            data = client.socket.recv(RECEIVE_BYTES)
        except OSError:
            data = b""
        if not data and client.asked is None:
            self.free.remove(client)
            self._replace(client)
            return
        if not data:
            self._ends(client, "read")
            return
        client.received += data
        if not client.is_complete() or client.asked is None:
            return
        if client.received[9:12] == b"200":
            latency = time.monotonic() - began - client.asked.at
            self.outcome.latencies[client.asked.path].append(latency)
        else:
            self.outcome.errors["status"] += 1
        self.asking -= 1
        if client.is_last():
            self._replace(client)
        else:
            client.asked = None
            self.free.append(client)

    def _ends(self, client: _Client, kind: str) -> None:
        """A connection has failed; another one takes its place."""
        self.outcome.errors[kind] += 1
        self.asking -= 1
        self._replace(client)

    def _replace(self, client: _Client) -> None:
        """A connection is over; another one takes its place."""
        self.selector.unregister(client.socket)
        client.socket.close()
        if not self.closes:
            self.outcome.reconnects += 1
            self._add_free()


def main(port: int, seed: int, seconds: float, rate: float, connections: int) -> None:
    """Load a server, and print the summary."""
    outcome = Generator(port, plan(seed, seconds, rate), connections, seed).run()
    print(json.dumps(outcome.summary()))


if __name__ == "__main__":
    port, seed, seconds, rate, connections = sys.argv[1:]
    main(int(port), int(seed), float(seconds), float(rate), int(connections))
