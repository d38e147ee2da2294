"""Requests that stay in the worker process at which they arrive."""

from __future__ import annotations

from client import request


def unmovable(target: str) -> bytes:
    """Return a request whose body is too large for it to be handed to another worker."""
    return request(target, method="POST", body=b"x" * 40_000)
