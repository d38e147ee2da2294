"""One round: everybody asks, something is done, everybody leaves, and the accounts are checked."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from client import PATIENCE_SECONDS

from soak.accounts import Accounts, read_lines
from soak.clients import ORDINARY
from soak.faults import Fault, Trouble
from soak.hostile import HOSTILE, crashes
from soak.ledger import Ledger
from soak.peer import Peer
from soak.program import Metrics, NeverError, Program
from soak.remains import left_over

LEAVE_SECONDS = 2 * PATIENCE_SECONDS
"""How long a client may need to leave: for the answer to what it has just asked."""


@dataclass(frozen=True)
class Result:
    """What a round has shown."""

    problems: list[str]
    counts: Counter[str]
    statuses: Counter[tuple[str, int]]
    """Requests by who counts them, metrics, access log or clients, and status."""


class Crowd:
    """All clients of a round, each in a thread, which does the same again and again."""

    def __init__(self, program: Program, ledger: Ledger, fault: Fault, seed: str) -> None:
        self.ledger = ledger
        self.is_over = threading.Event()
        kinds = {**ORDINARY, **HOSTILE} | ({crashes: 1} if fault.rules.may_lose else {})
        self.threads = []
        for kind, count in kinds.items():
            for number in range(count):
                name = f"{seed}.{kind.__name__}-{number}"
                chance = random.Random(name)  # noqa: S311 (the same each time)
                peer = Peer(name, program.address, ledger, fault.rules, chance, self.is_over)
                thread = threading.Thread(target=self._run, args=(kind, peer), name=name)
                self.threads.append(thread)
        for thread in self.threads:
            thread.start()

    def _run(self, kind: Callable[[Peer], None], peer: Peer) -> None:
        try:
            while not self.is_over.is_set():
                kind(peer)
                self.ledger.did(kind.__name__)
        except Exception as error:  # noqa: BLE001 - whatever it is, the round reports it
            self.ledger.accuse(f"{peer.name} failed: {error!r}")

    def leave(self) -> None:
        """Let everybody finish what they do, and go."""
        self.is_over.set()
        deadline = time.monotonic() + LEAVE_SECONDS
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self.ledger.accuse(f"{thread.name} does not come to an end")


def play(program: Program, fault: Fault, seed: str, before: Metrics) -> tuple[Result, Metrics]:
    """Play a round after which the metrics are as returned; `before` are those of its beginning."""
    ledger = Ledger()
    workers = int(before.get('maitred_workers_limit{worker="supervisor"}', 0))
    trouble = Trouble(program, ledger, workers, random.Random(seed))  # noqa: S311 (the same each time)
    crowd = Crowd(program, ledger, fault, seed)
    try:
        fault.do(trouble)
    except NeverError as error:
        ledger.accuse(str(error))
    finally:
        crowd.leave()
    accounts = settle(program, ledger, fault, before)
    counts = trouble.done + Counter(accounts.counts())
    result = Result(accounts.problems(), counts, accounts.statuses())
    return result, accounts.after


def settle(program: Program, ledger: Ledger, fault: Fault, before: Metrics) -> Accounts:
    """The accounts, when all that will be counted and written has been, or never will be."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        if program.is_at_rest():
            metrics = program.metrics()
            lines, torn = read_lines(program.take_lines())
            accounts = Accounts(
                ledger, fault.rules, lines, torn, before, metrics, program.records()
            )
            remains = left_over(metrics)
            if not (remains or accounts.problems()) or time.monotonic() > deadline:
                ledger.problems += remains
                return accounts
        elif time.monotonic() > deadline:
            raise NeverError(f"never: all workers are ready\n{program.log_end()}")
        time.sleep(0.2)
