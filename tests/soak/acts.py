"""The acts: the settings that a server is soaked with, and how long each takes."""

from __future__ import annotations

import itertools
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from soak import remains
from soak.disks import small_disk
from soak.faults import FAULTS, Fault
from soak.program import Program
from soak.rounds import Result, play
from soak.scrapes import Scraper

DISK_BYTES = 64 << 20

#: So short that slow clients meet them within a round, and so long that no ordinary one does.
TIMEOUTS = (
    "--header-timeout=10s",
    "--body-timeout=10s",
    "--write-timeout=10s",
    "--keep-alive-timeout=5m",
)

#: After a pause, all that clients have opened meanwhile is accepted at once.
LIMITS = ("--max-request-body-size=10MB", "--threads=6", "--connection-limit=2000")


@dataclass(frozen=True)
class Act:
    """Settings, and their share of the time."""

    name: str
    share: float
    arguments: tuple[str, ...]
    has_supervisor: bool

    @property
    def sockets_of_later_workers(self) -> int:
        """How many sockets a process may have more, for seats that are used later than others."""
        return 8 if self.has_supervisor else 0


ACTS = (
    Act("two workers", 0.6, ("--workers=2", "--max-requests=20000"), has_supervisor=True),
    Act("one process", 0.2, (), has_supervisor=False),
    Act("one worker", 0.2, ("--supervisor=always",), has_supervisor=True),
)


@dataclass
class Totals:
    """What all rounds have shown together."""

    counts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def add(self, name: str, result: Result) -> None:
        """Add a round."""
        self.counts += result.counts
        self.counts[f"rounds: {name}"] += 1
        self.statuses += result.statuses
        self.problems += result.problems

    def add_all(self, other: Totals) -> None:
        """Add what another act has shown."""
        self.counts += other.counts
        self.statuses += other.statuses
        self.problems += other.problems


def perform(
    act: Act, folder: Path, seed: str, seconds: float, say: Callable[[str], None]
) -> Totals:
    """Play rounds until the time is up, every fault once at least; stop at the first problem."""
    totals = Totals()
    with (
        small_disk(folder / "spool", DISK_BYTES) as is_small,
        small_disk(folder / "log", DISK_BYTES),
    ):
        faults = [
            fault
            for fault in FAULTS
            if (act.has_supervisor or not fault.needs_supervisor)
            and (is_small or not fault.needs_small_disks)
        ]
        if not is_small:
            say("no round with a full disk: mounting a small file system is not allowed here")
        program = Program(folder, *TIMEOUTS, *LIMITS, *act.arguments)
        scraper = Scraper(program)
        try:
            _rounds(act, program, scraper, faults, seed, seconds, totals, say)
            if not totals.problems and (status := program.end()) != 0:
                totals.problems.append(f"ended with status {status}\n{program.log_end()}")
        finally:
            scraper.stop()
            program.kill()
        totals.counts["scrapes"] += scraper.count
    if not totals.problems:
        shutil.rmtree(folder)
    return totals


def _rounds(
    act: Act,
    program: Program,
    scraper: Scraper,
    faults: list[Fault],
    seed: str,
    seconds: float,
    totals: Totals,
    say: Callable[[str], None],
) -> None:
    chance = random.Random(seed)  # noqa: S311 (the same each time)
    deadline = time.monotonic() + seconds
    calm = faults[0]
    # Everything has happened once before memory and descriptors are what they stay.
    first_pass = [calm, *chance.sample(faults, len(faults)), calm]
    second_pass = [*chance.sample(faults, len(faults)), calm]
    planned, first = [*first_pass, *second_pass], None
    program.until(lambda: program.ask_admin("/readyz") == b"ok\n", "ready")
    metrics = program.metrics()
    for number in itertools.count():
        if number >= len(planned):
            planned += [chance.choice(faults), calm]
        fault, name = planned[number], f"{seed}.{number}"
        result, metrics = play(program, fault, name, metrics)
        if fault is calm and number >= len(first_pass) - 1:
            with scraper.between:
                held = remains.held_by(program)
            first = first or held
            result.problems.extend(remains.beyond(first, held, act.sockets_of_later_workers))
        result.problems.extend(scraper.problems)
        totals.add(fault.name, result)
        say(
            f"{name} {fault.name}: {result.counts['requests']} requests, "
            f"{len(totals.problems)} problems"
        )
        if totals.problems:
            totals.problems.append(f"the end of the server's log:\n{program.log_end()}")
            return
        program.clear_logs()
        if number >= len(planned) - 1 and time.monotonic() > deadline:
            return
