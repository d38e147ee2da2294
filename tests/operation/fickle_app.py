"""An application with valid and faulty responses of every kind."""

from __future__ import annotations

import time
from pathlib import Path


def app(environ, start_response):
    """Answer as the path says."""
    read = len(environ["wsgi.input"].read())
    match environ["PATH_INFO"]:
        case "/raises":
            raise ValueError("as it was asked to")
        case "/waits":
            time.sleep(0.05)
        case "/is-stuck":
            time.sleep(1.5)
        case "/is-large":
            start_response("200 OK", [])
            return [b"x" * 300_000]
        case "/streams":
            start_response("200 OK", [])
            return (b"y" * 8000 for _ in range(50))
        case "/ends-early":
            start_response("200 OK", [])
            return half()
        case "/is-short":
            start_response("200 OK", [("Content-Length", "100")])
            return [b"z"]
        case "/is-a-file":
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](Path(__file__).open("rb"))
        case "/is-empty":
            start_response("204 No Content", [])
            return [b"nobody gets this"]
    start_response("200 OK", [])
    return [b"%d bytes" % read]


def half():
    """Fail in the middle of a response."""
    yield b"half"
    raise ValueError("as it was asked to")


PATHS = (
    "/",
    "/raises",
    "/waits",
    "/is-large",
    "/streams",
    "/ends-early",
    "/is-short",
    "/is-a-file",
    "/is-empty",
)
"""What is quick; `/is-stuck` is the other one."""
