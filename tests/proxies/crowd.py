"""Many concurrent clients that check every byte of every response."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from echo_app import pattern

#: As many as wait for each other: more than the server has threads, less than its limits.
CLIENTS = 16
SECONDS_MAX = 60

#: How many of 1,000 requests are of each kind, and how large their bodies are at most.
MIX = {
    "get": (600, 16 * 1024),
    "post": (250, 64 * 1024),
    "chunked": (140, 256 * 1024),
    "large post": (6, 5 * 1024 * 1024),
    "large chunked": (2, 5 * 1024 * 1024),
    "large get": (2, 5 * 1024 * 1024),
}


@dataclass
class Outcome:
    """What came of the requests."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    #: Bytes of bodies, sent and received.
    bytes_sent: int = 0
    bytes_received: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, problem: str | None, sent: int = 0, received: int = 0) -> None:
        """Count one request."""
        with self.guard:
            self.bytes_sent += sent
            self.bytes_received += received
            if problem is None:
                self.right[kind] += 1
            else:
                self.wrong.append(problem)


def send(port: int, count: int, seed: int = 1) -> Outcome:
    """Send `count` mixed requests to a port of this machine; the seed decides which."""
    chance = random.Random(seed)  # noqa: S311 (the same requests each time)
    kinds = [kind for kind, (share, _) in MIX.items() for _ in range(share * count // 1000)]
    chance.shuffle(kinds)
    work = iter([(n, kind, chance.randint(1, MIX[kind][1])) for n, kind in enumerate(kinds)])
    outcome, guard = Outcome(), threading.Lock()
    with ThreadPoolExecutor(CLIENTS) as pool:
        for client in [pool.submit(one_client, port, work, guard, outcome) for _ in range(CLIENTS)]:
            client.result()
    return outcome


def one_client(
    port: int, work: Iterator[tuple[int, str, int]], guard: threading.Lock, outcome: Outcome
) -> None:
    """Take requests until there are no more, over one connection for as long as it lasts."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
    while True:
        with guard:
            task = next(work, None)
        if task is None:
            connection.close()
            return
        number, kind, size = task
        try:
            problem, received = ask(connection, number, kind, size)
            sent = 0 if kind.endswith("get") else size
            outcome.add(kind, problem, sent, received)
        except (OSError, http.client.HTTPException) as error:
            outcome.add(kind, f"{kind} {number} of {size} bytes: {error!r}")
            connection.close()


def ask(
    connection: http.client.HTTPConnection, number: int, kind: str, size: int
) -> tuple[str | None, int]:
    """Send one request and check its answer; return what is wrong with it, and its size."""
    if kind.endswith("get"):
        connection.request("GET", f"/bytes/{number}/{size}")
        expected = pattern(number, size)
    else:
        body = pattern(number, size)
        path = f"/echo/{number}"
        if kind.endswith("chunked"):
            pieces = (body[start : start + 10_000] for start in range(0, size, 10_000))
            connection.request("POST", path, pieces, encode_chunked=True)
        else:
            connection.request("POST", path, body)
        answer = {"number": number, "size": size, "sha256": hashlib.sha256(body).hexdigest()}
        expected = json.dumps(answer).encode()
    response = connection.getresponse()
    received = response.read()
    problem = None
    if response.status != 200:
        problem = f"{kind} {number} of {size} bytes: {response.status} {received[:200]!r}"
    elif received != expected:
        problem = f"{kind} {number} of {size} bytes: another answer, {received[:200]!r}"
    return problem, len(received)
