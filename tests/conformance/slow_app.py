"""An application with large and slow responses, for clients that read slowly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

PIECE = bytes(range(250)) * 400
PIECES = 1000


def pieces() -> Iterator[bytes]:
    """Yield 100 MB."""
    for _ in range(PIECES):
        yield PIECE


def application(environ: dict, start_response) -> Iterable[bytes]:
    """Answer `/pieces` and `/bytes` with 100 MB, and anything else with the length of its body."""
    if environ["PATH_INFO"] == "/pieces":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return pieces()
    if environ["PATH_INFO"] == "/bytes":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return [PIECE * PIECES]
    body = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
