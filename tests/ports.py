"""Ports for programs that cannot take whichever is free, and tell which one it was."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """Return a port that nobody listens at, and that no client is given before a server has it.

    It is below those that Linux, macOS and Windows give to whoever wants any port.
    """
    while True:
        port = random.randrange(10_000, 32_000)  # noqa: S311
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
