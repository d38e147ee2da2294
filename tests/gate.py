"""A gate at which a request of another process waits, on every system: a connection to the test."""

from __future__ import annotations

import socket

from client import PATIENCE_SECONDS

WAITS = """
import os
import socket


def wait_at_the_gate():
    with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as gate:
        gate.recv(1)
"""
"""What an application has to say to have `wait_at_the_gate()`."""


class Gate:
    """The test's end. Whoever waits goes on when the gate opens, or closes for good."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(PATIENCE_SECONDS)
        self.environ = {"GATE": str(self._listening.getsockname()[1])}
        self._waiting: list[socket.socket] = []

    def await_one(self) -> socket.socket:
        """Wait until a request waits, and return its connection."""
        self._waiting.append(self._listening.accept()[0])
        return self._waiting[-1]

    def open(self) -> None:
        """Let everybody go on who waits now."""
        while self._waiting:
            self._waiting.pop().close()

    def close(self) -> None:
        """Let everybody go on."""
        self.open()
        self._listening.close()
