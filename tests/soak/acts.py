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

from client import ResponseError

from soak import remains
from soak.disks import small_disk
from soak.faults import FAULTS, Fault
from soak.program import NeverError, Program
from soak.rounds import Result, play
from soak.scrapes import Scraper

DISK_BYTES = 64 << 20

#: So short that slow clients meet them within a round, and before graceful-timeout ends the process
#: that they are connected to; and so long that no ordinary one does.
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
    """Play rounds until the time is up, every fault twice at least; stop at the first problem."""
    with (
        small_disk(folder / "spool", DISK_BYTES) as is_small,
        small_disk(folder / "log", DISK_BYTES),
    ):
        if not is_small:
            say("no round with a full disk: mounting a small file system is not allowed here")
        faults = [
            fault
            for fault in FAULTS
            if (act.has_supervisor or not fault.needs_supervisor)
            and (is_small or not fault.needs_small_disks)
        ]
        program = Program(folder, *TIMEOUTS, *LIMITS, *act.arguments)
        performance = Performance(act, program, faults, seed, say)
        try:
            performance.play_all(seconds)
        finally:
            program.kill()
        if performance.totals.problems:
            shutil.copytree(program.access_log.parent, folder / "access-log")
    if not performance.totals.problems:
        shutil.rmtree(folder)
    return performance.totals


class Performance:
    """An act that is played."""

    def __init__(
        self,
        act: Act,
        program: Program,
        faults: list[Fault],
        seed: str,
        say: Callable[[str], None],
    ) -> None:
        self.act, self.program, self.faults, self.seed, self.say = act, program, faults, seed, say
        self.chance = random.Random(seed)  # noqa: S311 (the same each time)
        self.scraper = Scraper(program)
        self.totals = Totals()

    def play_all(self, seconds: float) -> None:
        """Play every round, and end the program."""
        try:
            self._rounds(time.monotonic() + seconds)
        except (NeverError, OSError, ResponseError) as error:
            self.totals.problems.append(f"the server does not say how it is: {error!r}")
        finally:
            self.scraper.stop()
        self.totals.counts["scrapes"] += self.scraper.count
        if not self.totals.problems and (status := self.program.end()) != 0:
            self.totals.problems.append(f"ended with status {status}")
        if self.totals.problems:
            self.totals.problems.append(f"the end of the log:\n{self.program.log_end()}")

    def _rounds(self, deadline: float) -> None:
        calm = self.faults[0]
        # Everything has happened once before memory and descriptors are what they stay.
        first_pass = [calm, *self._all_faults(), calm]
        planned, first = [*first_pass, *self._all_faults(), calm], None
        self.program.until(lambda: self.program.ask_admin("/readyz") == b"ok\n", "ready")
        metrics = self.program.metrics()
        for number in itertools.count():
            if number >= len(planned):
                planned += [self.chance.choice(self.faults), calm]
            fault, name = planned[number], f"{self.seed}.{number}"
            result, metrics = play(self.program, fault, name, metrics)
            if fault is calm and number >= len(first_pass) - 1:
                with self.scraper.between:
                    held = remains.held_by(self.program)
                first = first or held
                more = self.act.sockets_of_later_workers
                result.problems.extend(remains.beyond(first, held, more))
            result.problems.extend(self.scraper.problems)
            self.totals.add(fault.name, result)
            count = len(self.totals.problems)
            self.say(f"{name} {fault.name}: {result.counts['requests']} requests, {count} problems")
            if count:
                return
            self.program.clear_logs()
            if number >= len(planned) - 1 and time.monotonic() > deadline:
                return

    def _all_faults(self) -> list[Fault]:
        return self.chance.sample(self.faults, len(self.faults))
