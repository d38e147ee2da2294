"""An application that gets stuck in every way that a real one does, until the test opens its gate.

`/gil` sits in a C function that never lets go of the interpreter's lock, `/wait` in one that does.
"""

from __future__ import annotations

import ctypes
import os
import socket


def at_the_gate() -> socket.socket:
    """Tell the test that somebody waits; what is received then ends when it opens the gate."""
    return socket.create_connection(("127.0.0.1", int(os.environ["GATE"])))


def hold_the_lock(gate: socket.socket) -> None:
    """Wait as a C extension would that forgot to let go of the lock."""
    byte = ctypes.create_string_buffer(1)
    ctypes.PyDLL(None).recv(gate.fileno(), byte, 1, 0)


def app(environ, start_response):
    """Get stuck, or say hello."""
    path = environ["PATH_INFO"]
    if path.startswith("/gil"):
        with at_the_gate() as gate:
            hold_the_lock(gate)
    elif path.startswith("/wait"):
        with at_the_gate() as gate:
            gate.recv(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
