"""What clients make a server hold: memory for each of many that do not read, or do not finish."""

from __future__ import annotations

import time
from contextlib import suppress

from apps.plain import HELD_BYTES
from client import Connection, ResponseError, request

from gauge import process_tree
from gauge.running import Running
from gauge.scenarios import Held, Scenario

HOST = "bench"
RECEIVE_BUFFER_BYTES = 4096
NEWCOMERS = 5
NEWCOMER_SECONDS = 1
STEADY_SECONDS = 0.5  # without a change, after which nothing more is expected
SETTLE_SECONDS = 10  # at most


def figures(running: Running, scenario: Scenario) -> dict:
    """Memory and disk for each connection, and how many others are answered meanwhile."""
    fresh = process_tree.cost(running.pid).rss_bytes
    connections = [_hold(running.port, scenario.holds) for _ in range(scenario.connections)]
    held = _steady(running.pid)
    disk = process_tree.unnamed_file_bytes(running.pid)
    answered = _answered(running.port)
    for connection in connections:
        connection.close()
    left = _steady(running.pid)
    count = len(connections)
    return {
        "held": {
            "connections": count,
            "bytes_each": (held - fresh) / count,
            "disk_bytes_each": disk / count,
            "bytes_left_each": (left - fresh) / count,
            "answered": answered / NEWCOMERS,
        }
    }


def _hold(port: int, what: Held) -> Connection:
    """A client that stops in the middle; what a server does not take is not sent."""
    connection = Connection(("127.0.0.1", port), 1, RECEIVE_BUFFER_BYTES)
    if what is Held.UNREAD_RESPONSE:
        connection.send(request("/large", host=HOST))
        return connection
    length = [("Content-Length", str(HELD_BYTES))]
    connection.send(request("/", "POST", length, host=HOST))
    with suppress(TimeoutError):  # it holds only what it has taken
        connection.send(bytes(HELD_BYTES // 2))
    return connection


def _steady(pid: int) -> int:
    """The resident memory, once it has stopped to change."""
    deadline = time.monotonic() + SETTLE_SECONDS
    seen, since = process_tree.cost(pid).rss_bytes, time.monotonic()
    while time.monotonic() < min(deadline, since + STEADY_SECONDS):
        time.sleep(0.05)
        if (now := process_tree.cost(pid).rss_bytes) != seen:
            seen, since = now, time.monotonic()
    return seen


def _answered(port: int) -> int:
    """How many newcomers get an answer beside them."""
    answered = 0
    for _ in range(NEWCOMERS):
        try:
            with Connection(("127.0.0.1", port), NEWCOMER_SECONDS) as connection:
                answered += connection.ask(request("/", host=HOST)).status == 200
        except (OSError, ResponseError):
            continue
    return answered
