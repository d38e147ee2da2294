"""What a test sees of processes that are not its children."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

from client import PATIENCE_SECONDS


def is_running(pid: int) -> bool:
    """Whether a process exists and is not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except (
        FileNotFoundError,
        ProcessLookupError,
    ):  # the latter if it was reaped since it was opened
        return False


def until(is_so, what: str) -> None:
    """Wait until it is so, which it will be by itself."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def stop(pid: int) -> None:
    """Stop a process, and return when none of its threads runs any more."""
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    state = re.compile(r"^State:\s+T", re.MULTILINE)
    until(
        lambda: all(state.search((it / "status").read_text()) for it in threads.iterdir()),
        "every thread has stopped",
    )


def molds(server) -> list[dict]:
    """What the status page tells of the processes that workers are forked from."""
    return server.admin.statusz()["supervisor"]["preload"]
