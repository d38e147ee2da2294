"""What is done to a server while clients ask: each fault is one kind of round."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from soak.ledger import Ledger
from soak.peer import Rules
from soak.program import Program

ANSWERS_OF_A_CALM_ROUND = 1500
BALLAST_BYTES = 1 << 16
PAUSE_SECONDS = (0.2, 1.0, 3.0)


@dataclass
class Trouble:
    """What a fault works with, and how often it did what."""

    program: Program
    ledger: Ledger
    workers: int
    """How many there should be."""
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)

    def wait_for_answers(self, more: int) -> None:
        """Let so many requests be answered."""
        before = self.ledger.answers
        self.program.until(
            lambda: self.ledger.answers >= before + more or bool(self.ledger.problems),
            f"{more} more answers",
        )

    def until_all_are_ready(self, but: frozenset[int] = frozenset()) -> dict[int, int]:
        """Wait until every worker is ready, and none of them is one of these processes."""
        found: dict[int, int] = {}

        def is_so() -> bool:
            found.clear()
            found.update(self.program.workers())
            return len(found) == self.workers and not but & set(found.values())

        self.program.until(is_so, f"workers are ready, without {sorted(but)}")
        return found


def calm(trouble: Trouble) -> None:
    """Do nothing."""
    trouble.wait_for_answers(ANSWERS_OF_A_CALM_ROUND)


def reload(trouble: Trouble) -> None:
    """Replace every worker, several times."""
    series = 'maitred_reloads_total{worker="supervisor",result="complete"}'
    for _ in range(trouble.chance.randrange(2, 5)):
        old = frozenset(trouble.until_all_are_ready().values())
        before = trouble.program.metrics()[series]
        trouble.program.signal(signal.SIGHUP)
        trouble.program.until(
            lambda before=before: trouble.program.metrics()[series] > before, "reload complete"
        )
        trouble.until_all_are_ready(but=old)
        trouble.done["reloads"] += 1


def rotate(trouble: Trouble) -> None:
    """Move the access log away, and have it opened anew, again and again."""
    log = trouble.program.access_log
    for number in range(trouble.chance.randrange(5, 15)):
        trouble.wait_for_answers(50)
        log.rename(log.with_suffix(f".log.{number}"))
        trouble.program.signal(signal.SIGUSR1)
        trouble.program.until(log.exists, "the access log is open again")
        trouble.done["log rotations"] += 1


def kill(trouble: Trouble) -> None:
    """Kill workers in the middle of their work."""
    for _ in range(trouble.chance.randrange(2, 4)):
        workers = trouble.until_all_are_ready()
        trouble.wait_for_answers(20)
        victim = trouble.chance.choice(sorted(workers.values()))
        how = trouble.chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGSEGV])
        try:
            os.kill(victim, how)
        except ProcessLookupError:
            continue  # it was replaced meanwhile
        trouble.until_all_are_ready(but=frozenset({victim}))
        trouble.done[f"{how.name} of a worker"] += 1


def ask_to_end(trouble: Trouble) -> None:
    """Ask workers to end, as an administrator would; each is replaced first."""
    for _ in range(trouble.chance.randrange(1, 4)):
        victim = trouble.chance.choice(sorted(trouble.until_all_are_ready().values()))
        trouble.wait_for_answers(20)
        try:
            os.kill(victim, signal.SIGTERM)
        except ProcessLookupError:
            continue  # it was replaced meanwhile
        trouble.until_all_are_ready(but=frozenset({victim}))
        trouble.done["SIGTERM to a worker"] += 1


def pause(trouble: Trouble) -> None:
    """Stop processes for a while: one worker, all workers, or everything."""
    pids = trouble.program.pids()
    workers = [pid for name, pid in pids.items() if name != "main"]
    for _ in range(trouble.chance.randrange(3, 8)):
        trouble.wait_for_answers(20)
        which = [list(pids.values())]
        if workers:
            which += [[trouble.chance.choice(workers)], workers]
        stopped = trouble.chance.choice(which)
        with paused(stopped):
            time.sleep(trouble.chance.choice(PAUSE_SECONDS))
        trouble.done["pauses"] += 1


@contextmanager
def paused(pids: list[int]) -> Iterator[None]:
    """Stop these processes, as far as they are still there, and let them go on."""
    for pid in pids:
        _signal(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it was replaced meanwhile
        os.kill(pid, number)


@contextmanager
def full(directory: Path) -> Iterator[None]:
    """Fill the file system of a directory to its last byte."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (BALLAST_BYTES, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue  # it is full for pieces of that size
    try:
        yield
    finally:
        ballast.unlink()


def fill_spool(trouble: Trouble) -> None:
    """Leave no room for bodies."""
    with full(trouble.program.spool):
        trouble.wait_for_answers(500)
    trouble.done["full disks (temporary files)"] += 1
    trouble.wait_for_answers(200)


def fill_log(trouble: Trouble) -> None:
    """Leave no room for lines of the access log."""
    trouble.wait_for_answers(200)
    with full(trouble.program.access_log.parent):
        trouble.wait_for_answers(500)
    trouble.done["full disks (access log)"] += 1
    trouble.wait_for_answers(200)


NOTHING_FAILS = Rules()


@dataclass(frozen=True)
class Fault:
    """A kind of round."""

    do: Callable[[Trouble], None]
    rules: Rules = NOTHING_FAILS
    needs_supervisor: bool = False
    needs_small_disks: bool = False

    @property
    def name(self) -> str:
        """How the round is called."""
        return self.do.__name__.replace("_", " ")


FAULTS = (
    Fault(calm),
    Fault(rotate),
    Fault(pause),
    Fault(reload, needs_supervisor=True),
    Fault(kill, Rules(may_lose=True), needs_supervisor=True),
    Fault(ask_to_end, needs_supervisor=True),
    Fault(fill_spool, Rules(may_refuse=True), needs_small_disks=True),
    Fault(fill_log, Rules(may_lose_lines=True), needs_small_disks=True),
)
