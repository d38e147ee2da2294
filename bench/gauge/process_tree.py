"""Reads the resource usage of a process and its descendants from /proc (proc(5), Linux only)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Sums over the tree. Shared pages count in each process that has them."""

    cpu_s: float  # user and system time, with that of reaped children, in steps of one tick
    switches: int  # voluntary and involuntary, of the threads that are alive
    rss_bytes: int
    peak_rss_bytes: int
    threads: int


def members(root: int) -> list[int]:
    """The living process `root` and its living descendants."""
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        if not (tasks := _tasks(pid)):
            continue
        found.append(pid)
        for task in tasks:
            queue.extend(int(child) for child in _text(task / "children").split())
    return found


def cost(root: int) -> Cost:
    """Read the resource usage of the tree so far."""
    ticks = switches = rss = peak = threads = 0
    for pid in members(root):
        stat = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
        ticks += sum(map(int, stat[11:15]))  # utime, stime, cutime, cstime
        status = dict(_pairs(Path(f"/proc/{pid}/status")))
        rss += _kib(status.get("VmRSS"))
        peak += _kib(status.get("VmHWM"))
        for task in _tasks(pid):
            threads += 1
            of_task = dict(_pairs(task / "status"))
            switches += int(of_task.get("voluntary_ctxt_switches", 0))
            switches += int(of_task.get("nonvoluntary_ctxt_switches", 0))
    return Cost(ticks / TICKS_PER_SECOND, switches, rss, peak, threads)


def unnamed_file_bytes(root: int) -> int:
    """Bytes of the deleted files that the tree has open: what it put on disk for its clients."""
    sizes: dict[tuple[int, int], int] = {}
    for pid in members(root):
        for link in _entries(Path(f"/proc/{pid}/fd")):
            try:
                file = link.stat()
                is_memory = str(link.readlink()).startswith("/memfd:")
            except OSError:  # it was closed meanwhile
                continue
            if stat.S_ISREG(file.st_mode) and file.st_nlink == 0 and not is_memory:
                sizes[file.st_dev, file.st_ino] = file.st_size
    return sum(sizes.values())


def listens(port: int) -> bool:
    """Whether something listens on this IPv4 port, seen without connecting to it."""
    ending, listen_state = f":{port:04X}", "0A"
    rows = (line.split() for line in _text(Path("/proc/net/tcp")).splitlines()[1:])
    return any(row[1].endswith(ending) and row[3] == listen_state for row in rows)


def _tasks(pid: int) -> list[Path]:
    return _entries(Path(f"/proc/{pid}/task"))


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:  # it ended meanwhile
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it ended meanwhile
        return ""


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    for line in _text(path).splitlines():
        name, _, value = line.partition(":")
        yield name, value.strip()


def _kib(value: str | None) -> int:
    return int(value.split()[0]) * 1024 if value else 0
