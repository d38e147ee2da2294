"""Fixtures for every test of the installed package."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from server import Server, command, end


@pytest.fixture(scope="session", autouse=True)
def signals_reach_servers() -> None:
    """Pass no ignored signal on to servers, as `nohup` and shells in the background would.

    An ignored signal is inherited; one that is caught is not, and this process goes on as well.
    """
    for name in ("SIGHUP", "SIGINT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture
def program() -> Iterator[Callable[..., Server]]:
    """Start the program with any arguments; it is asked to end with the test, and has to end well.

    A test that wants another end has to bring it about itself.
    """
    started: list[Server] = []

    def start(
        *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Server:
        server = Server(command(*arguments), cwd, env)
        started.append(server)
        return server

    yield start
    end(started)


@pytest.fixture
def maitred(program: Callable[..., Server]) -> Callable[..., Server]:
    """Start a server on a free port of 127.0.0.1 and wait until it serves.

    ``maitred("package.module:app", "--threads=2", cwd=folder)``. With a ``--listen`` or a
    ``--unix-socket`` among the arguments it listens there instead.
    """

    def start(*arguments: str, **how) -> Server:
        says_where = ("--listen", "--unix-socket", "--host", "--port", "-b", "--bind")
        if not any(argument.startswith(says_where) for argument in arguments):
            arguments = ("--listen=127.0.0.1:0", *arguments)
        server = program(*arguments, **how)
        server.wait_for("serving on ")
        return server

    return start
