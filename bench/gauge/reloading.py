"""What a server loses while it gets new code: it has to reload in the middle of an open load."""

from __future__ import annotations

import os
import time

from gauge import process_tree
from gauge.load import Arrivals
from gauge.running import CellError, Running

BEFORE = 0.25  # the part of the load that comes before the reload
OLD_SECONDS = 15  # in which an old process has to end once the load is over


def figures(running: Running, load: Arrivals, signal: int) -> dict:
    """Requests that failed, and connections that had to be made anew."""
    time.sleep(load.seconds * BEFORE)
    old = set(process_tree.members(running.pid)) - {running.pid}
    os.kill(running.pid, signal)
    result = load.result()
    deadline = time.monotonic() + OLD_SECONDS
    while left := old & set(process_tree.members(running.pid)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    if not old or left == old:
        raise CellError(f"has not replaced {sorted(old)} by {OLD_SECONDS} s after the load")
    if not result["requests"]:
        raise CellError(f"no request was answered: {result}")
    counts = {name: result[name] for name in ("requests", "failed", "reconnects")}
    return {"reload": counts, "p99_ms": result["p99_us"] / 1000}
