"""An application that shows what arrived and remembers every request it was given.

`/echo/N` answers with N and the SHA-256 of the body; `/bytes/N/SIZE` with SIZE bytes that follow
from N; `/environ` with what the server believes of the client; `/given` with the numbers that were
given more than once, and how many there were.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

PIECE = 64 * 1024

given: Counter[int] = Counter()
guard = threading.Lock()


def pattern(number: int, size: int) -> bytes:
    """Return `size` bytes that no other number has."""
    unit = hashlib.sha256(str(number).encode()).digest()
    return (unit * (size // len(unit) + 1))[:size]


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request."""
    _, name, *rest = environ["PATH_INFO"].split("/")
    status, body = "200 OK", b""
    if name == "echo":
        body = json.dumps(echoed(environ, int(rest[0]))).encode()
    elif name == "bytes":
        number, size = map(int, rest)
        remember(number)
        return streamed(number, size, start_response)
    elif name == "environ":
        body = json.dumps({k: v for k, v in environ.items() if isinstance(v, str)}).encode()
    elif name == "given":
        with guard:
            twice = [number for number, times in given.items() if times > 1]
            body = json.dumps({"count": len(given), "twice": twice}).encode()
    else:
        status = "404 Not Found"
    start_response(status, [("Content-Type", "application/json"), length(len(body))])
    return [body]


def length(size: int) -> tuple[str, str]:
    """Return the field that says how long the body is."""
    return ("Content-Length", str(size))


def remember(number: int) -> None:
    """Count a request by its number."""
    with guard:
        given[number] += 1


def echoed(environ: dict[str, Any], number: int) -> dict[str, Any]:
    """Read the body to its end and say what it was."""
    digest, size = hashlib.sha256(), 0
    while piece := environ["wsgi.input"].read(PIECE):
        digest.update(piece)
        size += len(piece)
    remember(number)
    return {"number": number, "size": size, "sha256": digest.hexdigest()}


def streamed(number: int, size: int, start_response: Callable[..., Any]) -> Iterator[bytes]:
    """Answer in pieces: with their length when the number is even, else chunked."""
    fields = [("Content-Type", "application/octet-stream")]
    if number % 2 == 0:
        fields.append(length(size))
    start_response("200 OK", fields)
    body = pattern(number, size)
    for start in range(0, size, PIECE):
        yield body[start : start + PIECE]
