"""A fixture with an admin listener and an application that gets stuck."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from admin import Admin
from gate import Gate
from server import Server

HERE = Path(__file__).parent


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Return the gate at which the application is stuck until it is opened."""
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture
def stuck(
    maitred: Callable[..., Server], gate: Gate, tmp_path: Path
) -> Callable[..., tuple[Server, Admin]]:
    """Start a server whose application gets stuck where it is asked to."""

    def start(*arguments: str) -> tuple[Server, Admin]:
        server = maitred(
            f"--python-path={HERE}",
            "--admin-listen=127.0.0.1:0",
            *arguments,
            "stuck_app:app",
            cwd=tmp_path,
            env=gate.environ,
        )
        return server, Admin(server)

    return start
