"""What the process does from which workers are forked, besides importing the application."""

from __future__ import annotations

import gc
import os
import sys
import threading
from pathlib import Path


def pause_collector() -> tuple[int, int, int]:
    """Keep the collector from running by itself, and return what `become_worker` needs."""
    thresholds = gc.get_threshold()
    gc.set_threshold(0)
    return thresholds


def freeze() -> None:
    """Collect, and take what exists out of the collector's sight, so that its pages stay shared."""
    gc.collect()
    gc.freeze()


def become_worker(thresholds: tuple[int, int, int], number: int) -> None:
    """Let the collector run again, unless the application has set it; tell the number."""
    if gc.get_threshold()[0] == 0:
        gc.set_threshold(*thresholds)
    os.environ["MAITRED_WORKER"] = str(number)


def threads() -> list[str]:
    """Return the names of the threads besides this one, also of those that C code has started."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    own = threading.get_native_id()
    found = []
    for folder in Path("/proc/self/task").iterdir():
        identity = int(folder.name)
        if identity == own:
            continue
        try:
            found.append(names.get(identity) or (folder / "comm").read_text().strip())
        except OSError:
            continue  # it has ended
    return sorted(found)


def flush() -> None:
    """Write what is buffered."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue  # there is none, it is closed, or nobody reads it
