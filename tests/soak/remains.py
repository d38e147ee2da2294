"""What a server has when nobody asks it for anything: it has to be what it had at the start."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from soak.program import Metrics, Program

ZERO = re.compile(
    r"maitred_(connections|queue_requests|requests_in_progress|threads_busy|threads_stuck|"
    r"spool_bytes|accept_paused)\{"
)
SETTLE_SECONDS = 0.3

COMES_AND_GOES = "maitred-disk"
"""The threads for files: as many as are needed, and none after a while."""

MEMORY_FACTOR, MEMORY_BYTES = 1.3, 24 << 20
"""What resident memory may grow by: an allocator keeps some of what was in use at once."""


def left_over(metrics: Metrics) -> list[str]:
    """Gauges of what is under way, which are not 0."""
    return [f"{name} is {value:g}" for name, value in metrics.items() if ZERO.match(name) and value]


@dataclass(frozen=True)
class Held:
    """What a process has of the system."""

    descriptors: tuple[str, ...]
    threads: tuple[str, ...]
    resident_bytes: int

    @classmethod
    def by(cls, pid: int) -> Held:
        """Look at a process."""
        process = Path(f"/proc/{pid}")
        resident = re.search(r"^VmRSS:\s+(\d+) kB", (process / "status").read_text(), re.M)
        return cls(
            tuple(sorted(_targets(process / "fd"))),
            tuple(sorted(_threads(process))),
            int(resident[1]) * 1024 if resident else 0,
        )

    def beyond(self, first: Held, more_descriptors: int) -> Iterator[str]:
        """What there is more of than at first."""
        for what, more in (("descriptors", more_descriptors), ("threads", 0)):
            then, now = getattr(first, what), getattr(self, what)
            if not 0 <= len(now) - len(then) <= more:
                yield f"{len(now)} {what} instead of {len(then)}: {now} instead of {then}"
        if self.resident_bytes > first.resident_bytes * MEMORY_FACTOR + MEMORY_BYTES:
            mib = [f"{it.resident_bytes / (1 << 20):.1f} MiB" for it in (self, first)]
            yield f"{mib[0]} of memory instead of {mib[1]}"


def _targets(descriptors: Path) -> Iterator[str]:
    for link in descriptors.iterdir():
        try:
            yield re.sub(r"\d+", "N", str(link.readlink()))
        except FileNotFoundError:
            continue  # it was closed meanwhile


def _threads(process: Path) -> Iterator[str]:
    for task in process.glob("task/*/comm"):
        try:
            name = task.read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        if name != COMES_AND_GOES:
            yield name


def held_by(program: Program) -> dict[str, Held]:
    """What every process of a server has, once that no longer changes."""
    pids = program.pids()  # which it was asked for, on a connection that it has to forget
    before: dict[str, Held] = {}
    while True:
        now = {name: Held.by(pid) for name, pid in pids.items()}
        if {name: it.descriptors for name, it in now.items()} == {
            name: it.descriptors for name, it in before.items()
        }:
            return now
        before = now
        time.sleep(SETTLE_SECONDS)


def beyond(first: dict[str, Held], now: dict[str, Held], more_descriptors: int) -> list[str]:
    """What the processes have more of than at first."""
    return [
        f"{name} has {what}"
        for name, held in now.items()
        for what in held.beyond(first[name], more_descriptors)
    ]
