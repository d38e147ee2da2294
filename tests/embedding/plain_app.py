"""A greeting, and nothing beside it: no thread of the application's own."""

from __future__ import annotations

from collections.abc import Iterable


def application(environ: dict, start_response) -> Iterable[bytes]:
    """Greet."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]
