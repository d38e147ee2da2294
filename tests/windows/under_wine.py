"""Runs pytest under Wine: `python.exe tests/windows/under_wine.py tests/every_system`.

Wine's programs may be without a console, and its C library knows no Ctrl-Break: a program that is
asked to end is told of a Ctrl-C here. A group of processes would not be told of that. Its events
come slowly, too, when hundreds of sockets are waited for.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import console_event

PATIENCE_SECONDS = 300


def pytest_configure() -> None:
    """Change how the tests ask a program to end, once pytest can import what they share."""
    import server

    server.ASK_TO_END = console_event.CTRL_C
    server.GROUP = 0
    server.Server.wait.__defaults__ = (PATIENCE_SECONDS,)
    server.Server.signal = lambda self, event=console_event.CTRL_C: console_event.tell(
        self.process, event
    )


if __name__ == "__main__":
    sys.exit(
        pytest.main(
            [f"--timeout={2 * PATIENCE_SECONDS}", *sys.argv[1:]], plugins=[sys.modules[__name__]]
        )
    )
