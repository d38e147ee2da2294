"""An application that keeps its process busy in several ways, until the gate opens."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from collections.abc import Iterator

PID = b"%16d" % os.getpid()


def connect() -> socket.socket:
    """Connect to the test, which closes the connection to let the request go on."""
    return socket.create_connection(("127.0.0.1", int(os.environ["GATE"])))


def reach_the_gate() -> socket.socket:
    """Tell the test who waits."""
    gate = connect()
    gate.sendall(PID)
    return gate


def wait() -> None:
    """Wait without the GIL."""
    with reach_the_gate() as gate:
        gate.recv(1)


def compute() -> None:
    """Compute in Python, which gives other threads their turn."""
    with reach_the_gate() as gate:
        gate.setblocking(False)
        while True:
            sum(range(100_000))
            try:
                gate.recv(1)
            except BlockingIOError:
                continue
            return


def hold_the_gil() -> None:
    """Wait in C with the GIL held, from before the test knows."""
    libc = ctypes.PyDLL(None)
    with connect() as gate:
        interval = sys.getswitchinterval()
        sys.setswitchinterval(3600)
        libc.send(gate.fileno(), PID, len(PID), 0)
        libc.recv(gate.fileno(), ctypes.create_string_buffer(1), 1, 0)
        sys.setswitchinterval(interval)


def stream() -> Iterator[bytes]:
    """Send a chunk, and the next one when the gate opens."""
    yield b"first"
    wait()
    yield b"last"


BUSY = {"/wait": wait, "/compute": compute, "/hold": hold_the_gil}


def app(environ, start_response):
    """Answer with the pid of the process and the length of the body."""
    path = environ["PATH_INFO"]
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return stream()
    if path in BUSY:
        BUSY[path]()
    length = len(environ["wsgi.input"].read())
    body = f'{{"pid": {os.getpid()}, "length": {length}}}'.encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
