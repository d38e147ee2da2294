"""The form in which parsers say what they make of a stream: a line of JSON.

``requests`` are those whose head was accepted, in order; ``keeps_open`` says of a complete one
whether another may follow, and is null for the last one if it is incomplete. ``end`` is what ended
the stream:

- ``waiting``: nothing; more bytes may follow,
- ``closed``: the last request was the last one of the connection,
- ``switched``: the bytes that follow are taken for another protocol,
- ``refused``: an error, and ``reason`` says which.

Ours has ``starts``, too: where each request starts, and where the bytes behind the last complete
one do. Strings have one character for each byte.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request whose head was accepted."""

    method: str
    target: str
    version: str
    fields: list[list[str]]
    body: str
    keeps_open: bool | None

    @property
    def is_complete(self) -> bool:
        """Whether all of it came."""
        return self.keeps_open is not None

    def values(self, name: str) -> list[str]:
        """Return the values of a field whose name is in lower case."""
        return [value for other, value in self.fields if other.lower() == name]


@dataclass(frozen=True)
class Reading:
    """What a parser makes of a stream."""

    requests: list[Request]
    end: str
    reason: str = ""
    starts: tuple[int, ...] = (0,)

    def request(self, index: int) -> Request | None:
        """Return a request, if there is one in this place."""
        return self.requests[index] if index < len(self.requests) else None


def reading(plain: dict[str, Any]) -> Reading:
    """Return a reading from the object that a line holds."""
    return Reading(
        [Request(**request) for request in plain["requests"]],
        plain["end"],
        plain["reason"],
        tuple(plain.get("starts", (0,))),
    )


def batch_line(line: str) -> tuple[bytes, Reading]:
    """Return the input of a line of a batch, and what we make of it."""
    plain = json.loads(line)
    return plain["input"].encode("latin-1"), reading(plain["reading"])


def reading_line(line: str) -> Reading:
    """Return what the line of a reader says."""
    return reading(json.loads(line))
